"""Taking an instance's live workflows away, and finishing what a crash left half done."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.model.states import DeploymentStatus
from caseway.platform import attempts, event_starts, lease, rows
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row, the_instance
from caseway.platform.tables import deployments, schedules

OPEN = (DeploymentStatus.DEPLOYING, DeploymentStatus.UNDEPLOYING)


def undeploy(platform: Platform, name: str, by: By, held: lease.Lease) -> bool:
    """Nothing of the instance is live afterwards; definition and history stay. False when nothing was."""
    with platform.database.transaction() as connection:
        lease.confirm(connection, held, platform.clock())
        instance = the_instance(connection, by.organization, name)
        serving = attempts.current(connection, instance.id)
        if serving is not None:
            attempts.step(connection, serving, DeploymentStatus.UNDEPLOYING, token=held.token)
            rows.settle(connection, instance, platform.clock(), missing=[], failed="")
            attempts.forget_pointer(connection, instance.id)
            connection.execute(sa.delete(schedules).where(schedules.c.instance_id == instance.id))
            event_starts.forget(connection, instance.id)
            note(connection, by, ("undeploy", "deployment", name), before={"version": serving.version})
    platform.on_boundary("undeploy:begun")
    is_changed = _take_away(platform, instance.id) or serving is not None
    platform.on_boundary("undeploy:retired")
    if serving is not None:
        with platform.database.transaction() as connection:
            lease.confirm(connection, held, platform.clock())
            _close(connection, serving.id, platform)
    return is_changed


def recover(platform: Platform, held: lease.Lease) -> int:
    """Close the attempts that earlier holders of the lease left open; how many there were.

    The revision stays: to the planner a cut attempt never was, so a plan made before is still right."""
    query = sa.select(deployments).where(deployments.c.status.in_(OPEN), deployments.c.token < held.token)
    with platform.database.reading() as connection:
        stale = connection.execute(query).all()
    for row in stale:
        if row.status == DeploymentStatus.UNDEPLOYING:
            _take_away(platform, row.instance_id)
        with platform.database.writing() as connection:
            lease.confirm(connection, held, platform.clock())
            _finish(connection, row, platform)
    return len(stale)


def _finish(connection: sa.Connection, row: Row, platform: Platform) -> None:
    if row.status == DeploymentStatus.UNDEPLOYING:
        _close(connection, row.id, platform)
        return
    gone = CasewayError(
        "the process that deployed it went away", code=attempts.INTERRUPTED, hint="apply again"
    )
    attempts.fail(connection, row.id, gone, platform.clock(), {})


def _close(connection: sa.Connection, deployment_id: str, platform: Platform) -> None:
    row = connection.execute(sa.select(deployments).where(deployments.c.id == deployment_id)).one()
    attempts.step(connection, row, DeploymentStatus.UNDEPLOYED, ended_at=platform.clock())


def _take_away(platform: Platform, instance_id: str) -> bool:
    """Retire whatever any target holds for the instance."""
    is_changed = False
    for target in platform.targets.values():
        live_ids = [item.live_id for item in target.live(instance_id)]
        if live_ids:
            target.retire(live_ids)
            is_changed = True
    return is_changed
