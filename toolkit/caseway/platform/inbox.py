"""The inbox of events: each CloudEvent is taken once, wakes who waits for it, and fires event triggers.

Rule: an event and the executions it starts are stored in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import Json, JsonObject
from caseway.model.errors import CasewayError
from caseway.model.states import ExecutionStatus
from caseway.platform.bundle import Platform
from caseway.platform.creation import NewExecution, insert
from caseway.platform.event_starts import is_start
from caseway.platform.previewed import in_realm, realm_of
from caseway.platform.sleeping import has_attributes, wake_due
from caseway.platform.tables import (
    current_deployments,
    deployed_workflows,
    event_starts,
    events,
    executions,
    instances,
    instant,
    store,
    to_text,
)
from caseway.platform.trail import the_execution

REQUIRED = ("id", "source", "type")
PAGE = 200
UNENDED = (
    ExecutionStatus.PENDING,
    ExecutionStatus.RUNNING,
    ExecutionStatus.WAITING,
    ExecutionStatus.SUSPENDED,
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What an event did: executions it woke and started. `is_new` is false for one that was known."""

    number: int
    is_new: bool
    woken: tuple[str, ...] = ()
    started: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What several events did, each in its place; `woken` are the executions that any of them woke."""

    each: tuple[Delivery, ...]
    woken: tuple[str, ...]


def deliver(
    platform: Platform, organization: str, event: JsonObject, *, actor: str, emitter: str = ""
) -> Delivery:
    """Take an event in. The same `source` and `id` again change nothing. `emitter` is the execution it comes
    from, if any: what a preview sends stays within it. Raises `CasewayError` (`event`)."""
    done = deliver_all(platform, organization, [event], actor=actor, emitter=emitter)
    return replace(done.each[0], woken=done.woken)


def deliver_all(
    platform: Platform, organization: str, given: Sequence[JsonObject], *, actor: str, emitter: str = ""
) -> Deliveries:
    """Take events in, all of them or none, in their order. Raises `CasewayError` (`event`)."""
    for event in given:
        _refuse_incomplete(event)
    now = platform.clock()
    done = []
    with platform.database.writing() as connection:
        # Numbers must become visible in their order, or a reader could pass over a lower one.
        connection.execute(sa.select(store.c.id).with_for_update())
        realm = realm_of(connection, emitter) if emitter else organization
        triggers = _triggers(connection, organization, realm)
        for event in given:
            full = {"specversion": "1.0", "time": instant(now), **event}
            known = _known(connection, realm, full)
            if known is not None:
                done.append(Delivery(known, False))
                continue
            number = _insert(connection, realm, full, now, emitter)
            taken = Taken(organization, full, number, actor)
            done.append(Delivery(number, True, started=tuple(_start(connection, platform, taken, triggers))))
    woken = tuple(wake_due(platform)) if any(one.is_new for one in done) else ()
    return Deliveries(tuple(done), woken)


def _refuse_incomplete(event: JsonObject) -> None:
    missing = [name for name in REQUIRED if not isinstance(event.get(name), str) or not event[name]]
    if missing:
        raise CasewayError(
            f"not a CloudEvent: {', '.join(missing)} missing",
            code="event",
            hint="id, source and type are text",
        )


def _known(connection: sa.Connection, realm: str, event: Mapping[str, Any]) -> int | None:
    return connection.scalar(
        sa.select(events.c.number).where(
            events.c.organization == realm,
            events.c.source == event["source"],
            events.c.event_id == event["id"],
        )
    )


def _insert(connection: sa.Connection, realm: str, event: JsonObject, now: datetime, emitter: str) -> int:
    made = connection.execute(
        sa.insert(events)
        .values(
            organization=realm,
            source=event["source"],
            event_id=event["id"],
            type=event["type"],
            received_at=now,
            event=event,
            emitter=emitter,
        )
        .returning(events.c.number)
    )
    return int(made.scalar_one())


@dataclass(frozen=True, slots=True)
class Taken:
    """An event that was taken in, its number, and who brought it."""

    organization: str
    event: JsonObject
    number: int
    actor: str


Listening = tuple[str, str, Mapping[str, Any]]  # an instance, its workflow, and an event trigger of it


def _start(
    connection: sa.Connection, platform: Platform, taken: Taken, triggers: Sequence[Listening]
) -> Iterator[str]:
    """The executions of every `event` trigger that the event fits."""
    for instance, workflow, trigger in triggers:
        if not any(has_attributes(taken.event, one) for one in _filters(trigger)):
            continue
        new = NewExecution(
            organization=taken.organization,
            instance=instance,
            workflow=workflow,
            input=_input(taken.event, str(trigger.get("input") or "events")),
            trigger="event",
            trigger_id=str(trigger.get("id") or ""),
            actor=taken.actor,
            idempotency_key=f"event:{workflow}:{trigger.get('id')}:{taken.number}",
        )
        try:
            yield insert(connection, platform, new, platform.ids())
        except CasewayError:  # paused or undeployed: it answers no triggers
            continue


def _filters(trigger: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What an event may look like; a workflow's own schedule may have several filters."""
    return trigger.get("anyOf") or [trigger.get("filter") or {}]


def _input(event: JsonObject, kind: str) -> Json:
    """What a workflow gets that an event starts: the language's own way is a list of events."""
    if kind == "data":
        return event.get("data", event.get("data_base64"))
    return event if kind == "event" else [event]


def _triggers(connection: sa.Connection, organization: str, realm: str) -> list[Listening]:
    """The event triggers of what is live. Settings are text without spaces: most need not be parsed."""
    settings = sa.type_coerce(deployed_workflows.c.settings, sa.Text)
    rows = connection.execute(
        sa.select(instances.c.name, deployed_workflows.c.workflow, deployed_workflows.c.settings)
        .join(current_deployments, current_deployments.c.instance_id == instances.c.id)
        .join(
            deployed_workflows,
            deployed_workflows.c.deployment_id == current_deployments.c.deployment_id,
        )
        .where(
            instances.c.organization == organization,
            in_realm(organization, realm),
            instances.c.tombstone == "",
            settings.contains(_EVENT_TRIGGER, autoescape=True),
        )
        .order_by(instances.c.name, deployed_workflows.c.workflow)
    )
    return [
        (row.name, row.workflow, trigger)
        for row in rows
        for trigger in row.settings.get("triggers") or ()
        if trigger.get("type") == "event" and not is_start(trigger)
    ]


_EVENT_TRIGGER = to_text({"type": "event"})[1:-1]


def events_for(platform: Platform, execution_id: str, after: int) -> list[tuple[int, JsonObject]]:
    """Events later than `after` that came since the execution was created, or after the one that started it,
    oldest first: some, not all."""
    with platform.database.reading() as connection:
        row = the_execution(connection, execution_id)
        own = _own_event(row.idempotency_key)
        query = sa.select(events.c.number, events.c.event).where(
            events.c.organization == realm_of(connection, execution_id), events.c.number > max(after, own)
        )
        if not own:
            query = query.where(events.c.received_at >= row.created_at)
        found = connection.execute(query.order_by(events.c.number).limit(PAGE))
        return [(number, event) for number, event in found]


def _own_event(key: str | None) -> int:
    """The number of the event that started the execution: it is its input, and not to be waited for."""
    is_started = key is not None and key.startswith("event:")
    return int(str(key).rpartition(":")[2]) if is_started else 0


def forget_before(platform: Platform, moment: datetime, *, limit: int = 1000) -> int:
    """Drop events older than `moment` that no unfinished execution of their organization could still take and
    every start has looked at, at most `limit` of them; how many."""
    awaited = (
        sa.select(sa.func.min(executions.c.created_at))
        .where(executions.c.organization == events.c.organization, executions.c.status.in_(UNENDED))
        .scalar_subquery()
    )
    is_new_to = sa.exists().where(
        event_starts.c.realm == events.c.organization, event_starts.c.seen < events.c.number
    )
    old = (
        sa.select(events.c.number)
        .where(
            events.c.received_at < moment,
            sa.or_(awaited.is_(None), events.c.received_at < awaited),
            ~is_new_to,
        )
        .order_by(events.c.number)
        .limit(limit)
    )
    with platform.database.writing() as connection:
        return int(connection.execute(sa.delete(events).where(events.c.number.in_(old))).rowcount)
