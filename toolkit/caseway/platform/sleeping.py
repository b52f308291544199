"""Executions that sleep until their time or an event comes, and how they are woken.

Rule: to wake is to make pending; the execution itself decides whether what came is what it waits for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.states import ExecutionStatus
from caseway.platform.approval_requests import undelivered
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.previewed import REALM
from caseway.platform.tables import events, executions, instances, instant, sleepers

AT_ONCE = 500  # how many sleepers one look wakes


@dataclass(frozen=True, slots=True)
class WaitingView:
    """What an execution waits for: a moment ("" when time alone never wakes it), events by their filters."""

    until: str
    events: tuple[JsonObject, ...]

    def as_json(self) -> JsonObject:
        """The view as a JSON object."""
        return {"until": self.until, "events": [dict(one) for one in self.events]}


def waiting_of(platform: Platform, execution_id: str) -> WaitingView | None:
    """What the execution waits for, None when it does not sleep."""
    query = _sleeping().where(sleepers.c.execution_id == execution_id)
    with platform.database.reading() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return WaitingView(instant(row.until) if row.until else "", tuple(row.filters))


def wake_due(platform: Platform) -> list[str]:
    """Make pending every sleeper whose time has come, or that an event may concern; their ids."""
    now = platform.clock()
    newest = sa.select(sa.func.max(events.c.number)).where(events.c.organization == REALM).scalar_subquery()
    is_touched = sa.and_(sleepers.c.listens, newest > sleepers.c.seen)
    is_decided = sleepers.c.execution_id.in_(undelivered())
    query = _sleeping().where(sa.or_(sleepers.c.until <= now, is_touched, is_decided)).limit(AT_ONCE)
    with platform.database.reading() as connection:
        rows = connection.execute(query.order_by(sleepers.c.until)).all()
    if not rows:
        return []
    with platform.database.writing() as connection:
        due = {row.execution_id for row in rows if row.until is not None and row.until <= now}
        due |= set(connection.scalars(undelivered()))
        return [
            row.execution_id
            for row in rows
            if (row.execution_id in due or _is_called(connection, row)) and wake(connection, row.execution_id)
        ]


def _sleeping() -> sa.Select[Any]:
    return (
        sa.select(sleepers, REALM.label("realm"))
        .join(executions, executions.c.id == sleepers.c.execution_id)
        .join(instances, instances.c.id == executions.c.instance_id)
        .where(executions.c.status == ExecutionStatus.WAITING)
    )


def _is_called(connection: sa.Connection, row: Row) -> bool:
    """Whether a later event has what one of the filters asks for; what has not is not looked at again."""
    query = sa.select(events.c.number, events.c.event).where(
        events.c.organization == row.realm, events.c.number > row.seen
    )
    seen = row.seen
    for number, event in connection.execute(query.order_by(events.c.number)):
        if any(has_attributes(event, one) for one in row.filters):
            return True
        seen = number
    connection.execute(
        sa.update(sleepers).where(sleepers.c.execution_id == row.execution_id).values(seen=seen)
    )
    return False


def wake(connection: sa.Connection, execution_id: str) -> bool:
    """Make a sleeper pending; False when it does not sleep."""
    woken = connection.execute(
        sa.update(executions)
        .where(executions.c.id == execution_id, executions.c.status == ExecutionStatus.WAITING)
        .values(status=ExecutionStatus.PENDING, reason="woken", dispatches=0)
    )
    connection.execute(sa.delete(sleepers).where(sleepers.c.execution_id == execution_id))
    return woken.rowcount == 1


def has_attributes(event: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether the event has every attribute of `wanted`; of objects, every member."""
    return all(name in event and _is_within(event[name], value) for name, value in wanted.items())


def _is_within(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping) and isinstance(value, Mapping):
        return has_attributes(value, wanted)
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def types_of(filters: Iterable[Mapping[str, Any]]) -> list[str]:
    """The event types that filters name, for people."""
    return sorted({str(one.get("type", "any")) for one in filters})
