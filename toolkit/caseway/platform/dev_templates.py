"""Snapshots of uncommitted work: forgotten as soon as nothing needs them.

The one rule: what serves stays, and so does what an execution may still go on with. No version is touched."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.tables import current_deployments, deployments, executions, processes, templates
from caseway.platform.templates import SNAPSHOTS

HISTORY = timedelta(days=1)  # so long one may look at what a snapshot's executions did


def collect_snapshots(platform: Platform, organization: str, *, actor: str) -> int:
    """Forget the snapshots that serve nothing and whose executions, if any, ended a while ago; how many."""
    now = platform.clock()
    serving = sa.select(current_deployments.c.deployment_id)
    with platform.database.transaction() as connection:
        idle = connection.scalars(_idle(organization, now - HISTORY)).all()
        if not idle:
            return 0
        theirs = sa.select(deployments.c.id).where(
            deployments.c.template_id.in_(idle), deployments.c.id.not_in(serving)
        )
        connection.execute(sa.delete(executions).where(executions.c.deployment_id.in_(theirs)))
        connection.execute(sa.delete(deployments).where(deployments.c.id.in_(theirs)))
        connection.execute(sa.delete(templates).where(templates.c.id.in_(idle)))
        note(connection, By(organization, actor, now), ("collect", "snapshot", f"{len(idle)} of them"))
    return len(idle)


def _idle(organization: str, before: object) -> sa.Select[tuple[str]]:
    """The ids of snapshots of which no deployment serves, is under way, or has executions to keep."""
    needed = (
        sa.select(deployments.c.template_id)
        .outerjoin(current_deployments, current_deployments.c.deployment_id == deployments.c.id)
        .outerjoin(executions, executions.c.deployment_id == deployments.c.id)
        .where(
            sa.or_(
                current_deployments.c.deployment_id.is_not(None),
                deployments.c.status.in_(("pending", "deploying", "updating")),
                sa.and_(
                    executions.c.id.is_not(None),
                    sa.or_(executions.c.ended_at.is_(None), executions.c.ended_at > before),
                ),
            )
        )
    )
    return (
        sa.select(templates.c.id)
        .join(processes, processes.c.id == templates.c.process_id)
        .where(
            processes.c.organization == organization,
            processes.c.tombstone == SNAPSHOTS,
            templates.c.id.not_in(needed),
        )
    )
