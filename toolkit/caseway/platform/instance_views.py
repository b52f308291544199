"""Instances as people look at them. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.access import Caller
from caseway.model.canonical import JsonObject
from caseway.platform import attempts
from caseway.platform.access.grants import visible_instances
from caseway.platform.addresses import shown
from caseway.platform.bundle import Platform
from caseway.platform.expiring import expiring
from caseway.platform.intake.standing import failing_triggers, standing_of
from caseway.platform.lookup import Row, the_instance
from caseway.platform.tables import (
    current_deployments,
    deployed_workflows,
    deployments,
    instances,
    instant,
    processes,
    templates,
)
from caseway.platform.timetable import upcoming_of
from caseway.reconcile.ranges import is_exact, parse_range, version_of


@dataclass(frozen=True, slots=True)
class WorkflowView:
    """One live workflow; HTTP triggers carry their `url`. Of a single instance schedules and polls have the
    firings to come (`nextAt`, `upcoming`), queues and polls how their source stands (`lastAt`, `okAt`,
    `error`)."""

    id: str
    live_id: str
    active: bool
    response: str
    triggers: tuple[JsonObject, ...]


@dataclass(frozen=True, slots=True)
class InstanceView:
    """One instance: what it is to be (`desired_version` and the fields) and what is observed."""

    id: str
    name: str
    project: str
    process: str
    stage: str
    owner: str
    phase: str
    version: str
    desired_version: str
    template_digest: str
    pinned: bool
    update_available: str
    conditions: tuple[str, ...]
    auto_paused_by: str
    error: str
    missing: tuple[str, ...]
    enabled: bool
    archived: bool
    parameters: JsonObject
    credentials: JsonObject
    sharing: JsonObject
    resources: JsonObject
    workflows: tuple[WorkflowView, ...]
    created_at: str
    updated_at: str
    deployed_at: str

    def as_json(self) -> JsonObject:
        """The view as a JSON object."""
        return asdict(self)


def list_instances(  # noqa: PLR0913 - one keyword per thing one can filter by
    platform: Platform,
    organization: str,
    *,
    process: str = "",
    stage: str = "",
    owner: str = "",
    archived: bool = False,
    caller: Caller | None = None,
) -> list[InstanceView]:
    """Instances by name; archived ones only when asked for; for a `caller` those they may see."""
    query = _instances(organization).order_by(instances.c.name)
    if caller is not None:
        query = query.where(visible_instances(caller))
    for column, value in (
        (processes.c.name, process),
        (instances.c.stage, stage),
        (instances.c.owner, owner),
    ):
        if value:
            query = query.where(column == value)
    if not archived:
        query = query.where(instances.c.phase != "archived")
    with platform.database.reading() as connection:
        rows = connection.execute(query).all()
        return _instance_views(connection, rows, platform.base_url, platform.clock())


def get_instance(platform: Platform, organization: str, name: str) -> InstanceView:
    """One instance; raises `CasewayError` (`not-found`)."""
    with platform.database.reading() as connection:
        the_instance(connection, organization, name)
        rows = connection.execute(_instances(organization).where(instances.c.name == name)).all()
        view = _instance_views(connection, rows, platform.base_url, platform.clock())[0]
        return replace(view, workflows=tuple(_with_firings(connection, view)))


def _with_firings(connection: sa.Connection, view: InstanceView) -> Iterator[WorkflowView]:
    """The workflows with the firings of their schedules that are to come, and how their sources stand."""
    found, standing = upcoming_of(connection, view.id), standing_of(connection, view.id)
    for workflow in view.workflows:
        triggers = []
        for trigger in workflow.triggers:
            name = workflow.id, str(trigger.get("id"))
            shown = {**trigger, **standing.get(name, {})}
            if (firings := found.get(name)) is not None:
                shown |= {"nextAt": firings[0] if firings else "", "upcoming": list(firings)}
            triggers.append(shown)
        yield replace(workflow, triggers=tuple(triggers))


def _instances(organization: str) -> sa.Select[Any]:
    return (
        sa.select(
            instances,
            processes.c.name.label("process"),
            deployments.c.id.label("deployment_id"),
            deployments.c.version,
            deployments.c.template_digest,
            deployments.c.status,
            deployments.c.number,
            deployments.c.result,
            deployments.c.started_at,
        )
        .join(processes, processes.c.id == instances.c.process_id)
        .outerjoin(current_deployments, current_deployments.c.instance_id == instances.c.id)
        .outerjoin(deployments, deployments.c.id == current_deployments.c.deployment_id)
        .where(instances.c.organization == organization, instances.c.tombstone == "")
    )


def _instance_views(
    connection: sa.Connection, rows: Sequence[Row], base_url: str, now: datetime
) -> list[InstanceView]:
    workflows = _workflows(connection, [row.deployment_id for row in rows if row.deployment_id])
    newest = _newest(connection, {row.process_id for row in rows})
    failed = _failed(connection, [row.id for row in rows])
    ending = expiring(connection, now)
    troubled = failing_triggers(connection, [row.id for row in rows])
    views = []
    for row in rows:
        served = workflows.get(row.deployment_id, [])
        error = failed.get(row.id, "") or row.failed
        update = _update(row, newest.get(row.process_id), has_failed=bool(error))
        conditions = _conditions(row, update, error, is_expiring=row.id in ending)
        conditions += tuple(f"TriggerFailing({name})" for name in troubled.get(row.id, ()))
        shown = [_workflow(row.id, item, base_url) for item in served]
        views.append(replace(_instance(row, shown, update, error), conditions=conditions))
    return views


def _instance(row: Row, workflows: Sequence[WorkflowView], update: str, error: str) -> InstanceView:
    desired = row.desired
    wanted = str(desired.get("version") or "*")
    return InstanceView(
        **{
            name: getattr(row, name)
            for name in ("id", "name", "project", "process", "stage", "owner", "phase")
        },
        version=row.version or "",
        desired_version=wanted,
        template_digest=row.template_digest or "",
        pinned=is_exact(wanted),
        update_available=update,
        conditions=(),
        auto_paused_by=row.auto_paused_by,
        error=error,
        missing=tuple(row.missing),
        enabled=bool(desired.get("enabled", True)),
        archived=bool(desired.get("archived", False)),
        parameters=desired.get("parameters") or {},
        credentials=desired.get("credentials") or {},
        sharing=desired.get("sharing") or {},
        resources=desired.get("resources") or {},
        workflows=tuple(workflows),
        created_at=instant(row.created_at),
        updated_at=instant(row.updated_at),
        deployed_at=str((row.result or {}).get("deployedAt") or ""),
    )


def _conditions(row: Row, update: str, error: str, *, is_expiring: bool) -> tuple[str, ...]:
    """What is true besides the phase."""
    found = []
    if update:
        found.append("UpdateAvailable")
    if row.auto_paused_by:
        found.append(f"AutoPausedBy({row.auto_paused_by})")
    if error and row.deployment_id:
        found.append("Degraded")
    if row.status == "updating":
        found.append("Updating")
    if not row.deployment_id:
        found.append("NotDeployed")
    if is_expiring:
        found.append("Expiring")
    return tuple(found)


def _update(row: Row, newest: Row | None, *, has_failed: bool) -> str:
    """The version that waits for a hand: newer than what runs, and out of the range's reach, failed once, or
    made since and not taken by the apply that made it: not published, or the parameters do not suit it. One
    that was there before is older than what runs on purpose: the repo went back."""
    if not row.version or newest is None or version_of(newest.version) <= version_of(row.version):
        return ""
    is_reached = parse_range(str(row.desired.get("version") or "*")).allows(version_of(newest.version))
    waits = not is_reached or has_failed or newest.created_at > row.started_at
    return str(newest.version) if waits else ""


def _newest(connection: sa.Connection, process_ids: set[str]) -> Mapping[str, Row]:
    query: sa.Select[Any] = sa.select(templates.c.process_id, templates.c.version, templates.c.created_at)
    if len(process_ids) == 1:
        query = query.where(templates.c.process_id.in_(process_ids))
    found: dict[str, Row] = {}
    for row in connection.execute(query):
        best = found.get(row.process_id)
        if best is None or version_of(row.version) > version_of(best.version):
            found[row.process_id] = row
    return found


def _failed(connection: sa.Connection, instance_ids: Sequence[str]) -> Mapping[str, str]:
    """The error of the latest attempt, where it is the latest that failed."""
    latest, is_latest = attempts.is_latest()
    query = (
        sa.select(deployments.c.instance_id, deployments.c.error)
        .join(latest, is_latest)
        .where(deployments.c.status == "failed")
    )
    if len(instance_ids) == 1:
        query = query.where(deployments.c.instance_id == instance_ids[0])
    return {row.instance_id: row.error for row in connection.execute(query)}


def _workflows(connection: sa.Connection, deployment_ids: Sequence[str]) -> Mapping[str, list[Row]]:
    query = sa.select(deployed_workflows).order_by(deployed_workflows.c.workflow)
    if len(deployment_ids) == 1:
        query = query.where(deployed_workflows.c.deployment_id == deployment_ids[0])
    else:
        query = query.join(
            current_deployments,
            current_deployments.c.deployment_id == deployed_workflows.c.deployment_id,
        )
    found: dict[str, list[Row]] = {}
    for row in connection.execute(query):
        found.setdefault(row.deployment_id, []).append(row)
    return found


def _workflow(instance_id: str, row: Row, base_url: str) -> WorkflowView:
    triggers = [
        shown(instance_id, row.workflow, trigger, row.settings, base_url)
        for trigger in row.settings.get("triggers") or ()
    ]
    response = str(row.settings.get("response") or "async")
    return WorkflowView(row.workflow, row.live_id, row.active, response, tuple(triggers))
