"""The inbox of events: each CloudEvent is taken once, wakes who waits for it, and fires event triggers.

Rule: an event and the executions it starts are stored in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.platform.bundle import Platform
from caseway.platform.creation import NewExecution, insert
from caseway.platform.sleeping import has_attributes, wake_due
from caseway.platform.tables import (
    current_deployments,
    deployed_workflows,
    events,
    executions,
    instances,
    instant,
    store,
)
from caseway.platform.trail import the_execution

REQUIRED = ("id", "source", "type")
PAGE = 200


@dataclass(frozen=True, slots=True)
class Delivery:
    """What an event did: executions it woke and started. `is_new` is false for one that was known."""

    number: int
    is_new: bool
    woken: tuple[str, ...] = ()
    started: tuple[str, ...] = ()


def deliver(platform: Platform, organization: str, event: JsonObject, *, actor: str) -> Delivery:
    """Take an event in. The same `source` and `id` again change nothing. Raises `CasewayError` (`event`)."""
    missing = [name for name in REQUIRED if not isinstance(event.get(name), str) or not event[name]]
    if missing:
        raise CasewayError(
            f"not a CloudEvent: {', '.join(missing)} missing",
            code="event",
            hint="id, source and type are text",
        )
    now = platform.clock()
    full = {"specversion": "1.0", "time": instant(now), **event}
    with platform.database.writing() as connection:
        # Numbers must become visible in their order, or a reader could pass over a lower one.
        connection.execute(sa.select(store.c.id).with_for_update())
        known = _known(connection, organization, full)
        if known is not None:
            return Delivery(known, False)
        number = _insert(connection, organization, full, now)
        started = tuple(_start(connection, platform, organization, full, number, actor))
    return Delivery(number, True, tuple(wake_due(platform)), started)


def _known(connection: sa.Connection, organization: str, event: Mapping[str, Any]) -> int | None:
    return connection.scalar(
        sa.select(events.c.number).where(
            events.c.organization == organization,
            events.c.source == event["source"],
            events.c.event_id == event["id"],
        )
    )


def _insert(connection: sa.Connection, organization: str, event: JsonObject, now: datetime) -> int:
    made = connection.execute(
        sa.insert(events)
        .values(
            organization=organization,
            source=event["source"],
            event_id=event["id"],
            type=event["type"],
            received_at=now,
            event=event,
        )
        .returning(events.c.number)
    )
    return int(made.scalar_one())


def _start(
    connection: sa.Connection,
    platform: Platform,
    organization: str,
    event: JsonObject,
    number: int,
    actor: str,
) -> Iterator[str]:
    """The executions of every `event` trigger that the event fits. Their input is an array with the event."""
    for instance, workflow, trigger in _triggers(connection, organization):
        if not has_attributes(event, trigger.get("filter") or {}):
            continue
        new = NewExecution(
            organization=organization,
            instance=instance,
            workflow=workflow,
            input=[event],
            trigger="event",
            trigger_id=str(trigger.get("id") or ""),
            actor=actor,
            idempotency_key=f"event:{workflow}:{trigger.get('id')}:{number}",
        )
        try:
            yield insert(connection, platform, new, platform.ids())
        except CasewayError:  # paused or undeployed: it answers no triggers
            continue


def _triggers(connection: sa.Connection, organization: str) -> list[tuple[str, str, Mapping[str, Any]]]:
    rows = connection.execute(
        sa.select(instances.c.name, deployed_workflows.c.workflow, deployed_workflows.c.settings)
        .join(current_deployments, current_deployments.c.instance_id == instances.c.id)
        .join(
            deployed_workflows,
            deployed_workflows.c.deployment_id == current_deployments.c.deployment_id,
        )
        .where(instances.c.organization == organization, instances.c.tombstone == "")
        .order_by(instances.c.name, deployed_workflows.c.workflow)
    )
    return [
        (row.name, row.workflow, trigger)
        for row in rows
        for trigger in row.settings.get("triggers") or ()
        if trigger.get("type") == "event"
    ]


def events_for(platform: Platform, execution_id: str, after: int) -> list[tuple[int, JsonObject]]:
    """Events later than `after` that came since the execution was created, oldest first: some, not all."""
    with platform.database.reading() as connection:
        row = the_execution(connection, execution_id)
        query = sa.select(events.c.number, events.c.event).where(
            events.c.organization == row.organization,
            events.c.number > max(after, _own_event(row.idempotency_key)),
            events.c.received_at >= row.created_at,
        )
        found = connection.execute(query.order_by(events.c.number).limit(PAGE))
        return [(number, event) for number, event in found]


def _own_event(key: str | None) -> int:
    """The number of the event that started the execution: it is its input, and not to be waited for."""
    is_started = key is not None and key.startswith("event:")
    return int(str(key).rpartition(":")[2]) if is_started else 0


def forget_before(platform: Platform, moment: datetime) -> int:
    """Drop events older than `moment` that no unfinished execution could still take; how many."""
    oldest = sa.select(sa.func.min(executions.c.created_at)).where(executions.c.ended_at.is_(None))
    with platform.database.writing() as connection:
        first = connection.scalar(oldest)
        limit = moment if first is None else min(moment, first)
        return int(connection.execute(sa.delete(events).where(events.c.received_at < limit)).rowcount)
