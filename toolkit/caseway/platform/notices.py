"""What people want to be told: events of the platform itself, in the inbox of the organization they concern.

Rule: nothing is told where no live trigger names such a type, and nothing of what was told caused itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.platform import inbox
from caseway.platform.bundle import Platform
from caseway.platform.expiring import SOON
from caseway.platform.instance_views import InstanceView, list_instances
from caseway.platform.previewed import preview_of
from caseway.platform.tables import (
    credentials,
    current_deployments,
    deployed_workflows,
    executions,
    instances,
    instant,
    metric_points,
)
from caseway.platform.telemetry.look import advance, position
from caseway.platform.telemetry.tree import DURATION

PREFIX = "dev.caseway."
SOURCE = "urn:caseway:platform"
UPDATE = f"{PREFIX}instance.update-available"
FAILED = f"{PREFIX}instance.deploy-failed"
MISSING = f"{PREFIX}instance.missing-credential"
EXPIRING = f"{PREFIX}credential.expiring"
FAULTED = f"{PREFIX}execution.faulted"
READER = "notices"  # the name of the cursor over ended executions
AT_ONCE = 500
_NAMES = ("process", "stage", "owner", "version")


def notify(platform: Platform) -> int:
    """Put what is to be told into the inboxes of those who listen; how many events were new. What stays so
    is told again when the inbox has forgotten it."""
    with platform.database.reading() as connection:
        listening = _listening(connection)
    told = 0
    faulted = _faulted(platform, listening)
    for organization in sorted(listening):
        found = [*_of_instances(platform, organization), *_of_credentials(platform, organization)]
        found += faulted.get(organization, [])
        if found:
            done = inbox.deliver_all(platform, organization, found, actor="caseway")
            told += sum(one.is_new for one in done.each)
    return told


def _listening(connection: sa.Connection) -> set[str]:
    """The organizations in which a live trigger names a type of ours."""
    settings = sa.type_coerce(deployed_workflows.c.settings, sa.Text)
    query = (
        sa.select(instances.c.organization, instances.c.project)
        .join(current_deployments, current_deployments.c.instance_id == instances.c.id)
        .join(
            deployed_workflows,
            deployed_workflows.c.deployment_id == current_deployments.c.deployment_id,
        )
        .where(instances.c.tombstone == "", settings.contains(f'"type":"{PREFIX}'))
        .distinct()
    )
    return {row.organization for row in connection.execute(query) if not preview_of(row.project)}


def _of_instances(platform: Platform, organization: str) -> Iterator[JsonObject]:
    for view in list_instances(platform, organization):
        if preview_of(view.project):
            continue
        if view.missing:
            missing = ",".join(view.missing)
            yield _event(MISSING, f"{view.id}:{missing}", {**_about(view), "missing": list(view.missing)})
        elif view.error:
            error = hashlib.sha256(view.error.encode()).hexdigest()[:12]
            said = {"error": view.error, "available": view.update_available}
            yield _event(FAILED, f"{view.id}:{view.update_available}:{error}", {**_about(view), **said})
        elif view.update_available:
            said = {"available": view.update_available}
            yield _event(UPDATE, f"{view.id}:{view.update_available}", {**_about(view), **said})


def _about(view: InstanceView) -> dict[str, Any]:
    return {"instance": view.name, **{name: getattr(view, name) for name in _NAMES}}


def _of_credentials(platform: Platform, organization: str) -> Iterator[JsonObject]:
    of = credentials.c
    query = sa.select(of.id, of.name, of.scope, of.owner, of.expires_at).where(
        of.organization == organization, of.expires_at <= platform.clock() + SOON
    )
    with platform.database.reading() as connection:
        rows = connection.execute(query.order_by(of.name, of.id)).all()
    for row in rows:
        ends = instant(row.expires_at)
        said = {"credential": row.name, "scope": row.scope, "owner": row.owner, "expiresAt": ends}
        yield _event(EXPIRING, f"{row.id}:{ends}", said)


def _faulted(platform: Platform, listening: set[str]) -> Mapping[str, list[JsonObject]]:
    """By organization, the executions that faulted since the last look; what faulted before anybody listened
    is passed over."""
    of = metric_points.c
    since = position(platform, READER)
    with platform.database.reading() as connection:
        last = connection.scalar(sa.select(sa.func.max(of.number))) or 0
        query = (
            sa.select(
                of.number, of.organization, of.execution_id, of.process, of.instance, of.workflow, of.version
            )
            .where(of.number > since, of.number <= last, of.name == DURATION, of.status == "faulted")
            .where(of.organization.in_(sorted(listening)))
            .order_by(of.number)
            .limit(AT_ONCE)
        )
        rows = connection.execute(query).all() if since and listening else []
        own = _own(connection, [row.execution_id for row in rows])
    found: dict[str, list[JsonObject]] = {}
    for row in rows:
        if row.execution_id not in own:
            said = {name: getattr(row, name) for name in ("process", "instance", "workflow", "version")}
            told = _event(FAULTED, row.execution_id, {"execution": row.execution_id, **said})
            found.setdefault(row.organization, []).append(told)
    reached = rows[-1].number if len(rows) == AT_ONCE else max(last, 1)
    if reached > since:
        advance(platform, READER, reached)
    return found


def _own(connection: sa.Connection, ids: list[str]) -> set[str]:
    """Those that a notice has started: to tell of their faults would never end."""
    of = executions.c
    is_told = sa.type_coerce(of.input, sa.Text).contains(f'"{PREFIX}')
    return set(connection.scalars(sa.select(of.id).where(of.id.in_(ids), of.trigger == "event", is_told)))


def _event(kind: str, what: str, data: Mapping[str, Any]) -> JsonObject:
    """`notice` in the data repeats the type, for workflows that get only the data."""
    return {
        "id": f"{kind.removeprefix(PREFIX)}:{what}",
        "source": SOURCE,
        "type": kind,
        "data": {"notice": kind, **data},
    }
