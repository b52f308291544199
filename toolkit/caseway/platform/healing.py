"""What a new, replaced or removed credential means for the instances that need it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.model.states import DeploymentStatus
from caseway.platform import attempts, lease, rows, slots, templates
from caseway.platform.audit import By
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row, the_instance
from caseway.platform.redeploy import redeploy
from caseway.platform.steering import tell_targets
from caseway.platform.tables import current_deployments, deployments, instances


def review(connection: sa.Connection, by: By) -> list[str]:
    """Take back the mark of instances that miss nothing any more; the names of those to deploy now."""
    waiting = []
    for name in _lacking(connection, by.organization):
        instance = the_instance(connection, by.organization, name)
        attempt = _wanted(connection, instance)
        if attempt is None or _missing(connection, instance, attempt, by):
            continue
        if instance.missing:
            rows.settle(connection, instance, by.at, missing=[])
        if attempt.status == DeploymentStatus.FAILED:
            connection.execute(
                sa.update(deployments).where(deployments.c.id == attempt.id).values(result={"missing": []})
            )
            waiting.append(name)
    return waiting


def heal(platform: Platform, waiting: Sequence[str], by: By) -> list[str]:
    """Deploy what waited; the names that went live. What fails keeps the record of why, and when somebody
    else holds the lease the next apply does it."""
    healed = []
    if waiting:
        with suppress(CasewayError), lease.hold(platform) as held:
            for name in waiting:
                with suppress(CasewayError):
                    redeploy(platform, name, by, held, reason="heal")
                    healed.append(name)
    return healed


def expose(connection: sa.Connection, credential_id: str, by: By) -> list[str]:
    """Mark the instances whose serving template requires a credential that is gone; their names."""
    inputs = sa.type_coerce(deployments.c.inputs, sa.Text)
    query = (
        sa.select(instances.c.name)
        .join(current_deployments, current_deployments.c.instance_id == instances.c.id)
        .join(deployments, deployments.c.id == current_deployments.c.deployment_id)
        .where(instances.c.tombstone == "", inputs.contains(f'"{credential_id}"'))
    )
    names = connection.scalars(query.where(instances.c.organization == by.organization)).all()
    exposed = []
    for name in names:
        instance = the_instance(connection, by.organization, name)
        serving = attempts.current(connection, instance.id)
        missing = _missing(connection, instance, serving, by) if serving is not None else []
        if missing and missing != instance.missing:
            rows.settle(connection, instance, by.at, missing=missing)
            exposed.append(name)
    return exposed


def show_targets(platform: Platform, names: Sequence[str], by: By) -> None:
    """Let targets follow the phase of these instances."""
    for name in names:
        tell_targets(platform, by.organization, name)


def _lacking(connection: sa.Connection, organization: str) -> Sequence[str]:
    """Instances that are marked, or whose latest attempt failed for want of a credential."""
    latest, is_latest = attempts.is_latest()
    failed = (
        sa.select(deployments.c.instance_id)
        .join(latest, is_latest)
        .where(deployments.c.error_code == attempts.MISSING)
    )
    is_marked = sa.or_(
        instances.c.phase == "missing_integration",
        instances.c.missing != [],
        instances.c.id.in_(failed),
    )
    return connection.scalars(
        sa.select(instances.c.name)
        .where(instances.c.organization == organization, instances.c.tombstone == "", is_marked)
        .order_by(instances.c.name)
    ).all()


def _wanted(connection: sa.Connection, instance: Row) -> Row | None:
    """The attempt to judge by: the latest if it failed for want of a credential, else what serves."""
    last = attempts.latest(connection, instance.id)
    if last is not None and last.error_code == attempts.MISSING:
        return last
    return attempts.current(connection, instance.id)


def _missing(connection: sa.Connection, instance: Row, attempt: Row, by: By) -> list[str]:
    stored = templates.by_digest(connection, instance.process_id, attempt.template_digest)
    return slots.bind(connection, instance, stored.body, by.at)[1]
