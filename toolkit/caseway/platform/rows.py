"""Changing one instance's row: the only place that does, so that phase and slot always follow the facts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.model.states import DeploymentStatus, InstancePhase
from caseway.platform import timetable
from caseway.platform.access import grants
from caseway.platform.audit import By
from caseway.platform.lookup import Row
from caseway.platform.phase import phase
from caseway.platform.tables import current_deployments, deployed_workflows, deployments, instances

EVERYONE = "*"  # the slot of an organizational process: one instance for all


def add(connection: sa.Connection, instance_id: str, process: Row, made: JsonObject, by: By) -> None:
    """Install an instance. `made` has name, project, stage, owner, desired, applied, declared.

    Raises `CasewayError` (`one-instance`) when its place in the stage is taken."""
    desired = _mapping(made["desired"])
    slot = _slot(process.process_type, str(made["owner"]), desired, is_deleted=False)
    _refuse_taken(connection, (process.id, str(made["stage"]), slot), instance_id, process.name)
    connection.execute(
        sa.insert(instances).values(
            id=instance_id,
            organization=by.organization,
            process_id=process.id,
            slot=slot,
            phase=_phase(desired, auto_paused_by="", missing=(), failed=""),
            auto_paused_by="",
            missing=[],
            failed="",
            created_at=by.at,
            updated_at=by.at,
            tombstone="",
            **{key: made[key] for key in ("name", "project", "stage", "owner", "desired")},
            **{key: made[key] for key in ("applied", "declared")},
        )
    )
    if desired.get("sharing"):
        grants.keep_instance(connection, instance_id, desired["sharing"])


def settle(connection: sa.Connection, row: Row, at: datetime, **changes: Any) -> InstancePhase:
    """Write `changes` (columns) to an instance and let phase and slot follow; the phase it is in then.

    `row` comes from `lookup.the_instance`. Raises `CasewayError` (`one-instance`)."""
    after: dict[str, Any] = {
        name: changes.get(name, getattr(row, name))
        for name in ("desired", "auto_paused_by", "missing", "failed", "stage", "owner", "tombstone")
    }
    slot = _slot(row.process_type, after["owner"], after["desired"], is_deleted=bool(after["tombstone"]))
    _refuse_taken(connection, (row.process_id, after["stage"], slot), row.id, row.process)
    now = _phase(
        after["desired"],
        auto_paused_by=after["auto_paused_by"],
        missing=after["missing"],
        failed=after["failed"],
        is_undeployed=_is_undeployed(connection, row.id),
    )
    connection.execute(
        sa.update(instances)
        .where(instances.c.id == row.id)
        .values(updated_at=at, phase=now, slot=slot, **changes)
    )
    if after["desired"].get("sharing") != row.desired.get("sharing"):
        grants.keep_instance(connection, row.id, after["desired"].get("sharing"))
    if is_running(now) != is_running(row.phase):
        _follow(connection, row.id, at, is_enabled=is_running(now))
    return now


def _follow(connection: sa.Connection, instance_id: str, at: datetime, *, is_enabled: bool) -> None:
    """Let schedules and the workflow mapping of what serves show that the instance runs, or not."""
    timetable.enable(connection, instance_id, is_enabled=is_enabled, now=at)
    serving = sa.select(current_deployments.c.deployment_id).where(
        current_deployments.c.instance_id == instance_id
    )
    connection.execute(
        sa.update(deployed_workflows)
        .where(deployed_workflows.c.deployment_id.in_(serving))
        .values(active=is_enabled)
    )


def is_running(phase_now: str) -> bool:
    """Whether triggers are answered in this phase."""
    return phase_now in {InstancePhase.ACTIVE, InstancePhase.DEPLOY_FAILED}


def _is_undeployed(connection: sa.Connection, instance_id: str) -> bool:
    """Whether what served was taken away, and nothing has come in its place."""
    serving = sa.exists().where(
        current_deployments.c.instance_id == instance_id,
        current_deployments.c.deployment_id == deployments.c.id,
    )
    ended = sa.select(deployments.c.id).where(
        deployments.c.instance_id == instance_id,
        deployments.c.status.in_((DeploymentStatus.UNDEPLOYING, DeploymentStatus.UNDEPLOYED)),
    )
    others = sa.exists().where(current_deployments.c.instance_id == instance_id)
    return connection.execute(ended.where(sa.or_(serving, ~others)).limit(1)).first() is not None


def _phase(
    desired: Mapping[str, Any],
    *,
    auto_paused_by: str,
    missing: Any,
    failed: str,
    is_undeployed: bool = False,
) -> InstancePhase:
    return phase(
        is_archived=bool(desired.get("archived", False)),
        is_paused=not desired.get("enabled", True) or bool(auto_paused_by),
        is_missing=bool(missing),
        has_failed=bool(failed),
        is_undeployed=is_undeployed,
    )


def _slot(process_type: str, owner: str, desired: Mapping[str, Any], *, is_deleted: bool) -> str | None:
    if is_deleted or desired.get("archived", False):
        return None
    return EVERYONE if process_type == "organizational" else owner


def _refuse_taken(
    connection: sa.Connection, place: tuple[str, str, str | None], instance_id: str, process: str
) -> None:
    """The constraint says the same; this says it in words."""
    process_id, stage, slot = place
    if slot is None:
        return
    other = connection.scalar(
        sa.select(instances.c.name).where(
            instances.c.process_id == process_id,
            instances.c.stage == stage,
            instances.c.slot == slot,
            instances.c.id != instance_id,
        )
    )
    if other is None:
        return
    whose = "the organization" if slot == EVERYONE else slot
    raise CasewayError(
        f"{process} is installed for {whose} in stage {stage} already, as {other}",
        code="one-instance",
        place=other,
        hint=f"change {other}, or archive it first",
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
