"""Ending for good what was deleted, or what lives."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform import lease
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row, find_grave, find_instance
from caseway.platform.tables import (
    artifact_uses,
    artifacts,
    credentials,
    definitions,
    deployed_workflows,
    executions,
    instances,
    live_workflows,
    log_lines,
    metric_points,
    rate_limits,
    spans,
)
from caseway.platform.undeploy import recover, undeploy


def purge(platform: Platform, organization: str, name: str, *, confirm: str, actor: str) -> dict[str, int]:
    """End an instance for good, living or deleted: undeployed, then its executions with their journals,
    tasks, logs, telemetry and artifacts that nobody else uses, deployments, keys and own credentials. How
    many executions went. `confirm` repeats the name."""
    if confirm != name:
        raise CasewayError(
            f"purging {name} cannot be undone", code="confirm", place=name, hint=f"confirm it with {name!r}"
        )
    by = By(organization, actor, platform.clock())
    with lease.hold(platform) as held:
        recover(platform, held)
        with platform.database.reading() as connection:
            row = find_instance(connection, organization, name) or find_grave(connection, organization, name)
        if row is None:
            raise CasewayError(f"there is no instance {name!r}", code="not-found", place=name)
        if not row.tombstone:
            undeploy(platform, name, by, held)
        with platform.database.transaction() as connection:
            lease.confirm(connection, held, platform.clock())
            return _erase(connection, row, by)


def _erase(connection: sa.Connection, row: Row, by: By) -> dict[str, int]:
    mine = executions.c.instance_id == row.id
    count = connection.scalar(sa.select(sa.func.count()).select_from(executions).where(mine)) or 0
    ids = sa.select(executions.c.id).where(mine)
    for table in (log_lines, spans, metric_points):
        connection.execute(sa.delete(table).where(table.c.execution_id.in_(ids)))
    aside = _locked_artifacts(connection, ids)
    connection.execute(sa.delete(executions).where(mine))
    for digest in aside:
        used = sa.exists().where(artifact_uses.c.digest == digest)
        connection.execute(sa.delete(artifacts).where(artifacts.c.digest == digest, ~used))
    limits = rate_limits.c.name.startswith(f"{row.id}:", autoescape=True)
    connection.execute(sa.delete(rate_limits).where(limits))
    connection.execute(
        sa.delete(credentials).where(
            credentials.c.organization == row.organization,
            credentials.c.scope == "instance",
            credentials.c.owner.in_((row.id, row.name)),
        )
    )
    connection.execute(sa.delete(instances).where(instances.c.id == row.id))
    columns = (deployed_workflows.c.digest, executions.c.definition, live_workflows.c.digest)
    unused = [~sa.exists().where(column == definitions.c.digest) for column in columns]
    connection.execute(sa.delete(definitions).where(*unused))
    note(connection, by, ("purge", "instance", row.name), before={"stage": row.stage})
    return {"executions": int(count)}


def _locked_artifacts(connection: sa.Connection, ids: sa.Select[tuple[str]]) -> Sequence[str]:
    """The digests of what these executions have set aside, with nobody about to use them anew."""
    used = sa.select(artifact_uses.c.digest).where(artifact_uses.c.execution_id.in_(ids))
    query = sa.select(artifacts.c.digest).where(artifacts.c.digest.in_(used)).order_by(artifacts.c.digest)
    return connection.scalars(query.with_for_update()).all()
