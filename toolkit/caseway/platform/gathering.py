"""Starts workflows whose schedule asks for several events, or more of one than plain attributes.

Rule: what events did is written in one transaction with the number of the last one; who comes second with the
same number changes nothing. Expressions are asked outside of it: they may be slow."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.creation import NewExecution, insert
from caseway.platform.event_starts import newest
from caseway.platform.gathering_step import Incoming, Opened, look
from caseway.platform.lookup import Row
from caseway.platform.rows import is_running
from caseway.platform.tables import event_starts, events, executions, gathered_events, gatherings, instances
from caseway_runner import InvalidWorkflow, Start, compile_start, gathered_of

PAGE = 200
ROUNDS = 25  # pages of one start in one look: then it is the turn of the others
SECONDS = 1.0  # and so long: a slow expression holds up nobody but its own workflow


def gather_due(platform: Platform) -> list[str]:
    """Look at the events that nobody has looked at yet; the ids of the executions they started."""
    latest = sa.select(sa.func.max(events.c.number)).where(events.c.organization == event_starts.c.realm)
    query = _query().where(latest.scalar_subquery() > event_starts.c.seen)
    with platform.database.reading() as connection:
        rows = connection.execute(query.order_by(event_starts.c.seen)).all()
    return [made for row in rows for made in _looked(platform, row)]


def _looked(platform: Platform, row: Row) -> Iterator[str]:
    start = _compiled(row)
    if start is None or not is_running(row.phase):
        _pass_over(platform, row)
        return
    until = time.monotonic() + SECONDS
    seen = row.seen
    for _ in range(ROUNDS):
        with platform.database.reading() as connection:
            coming = _coming(connection, row, seen)
            opened = _opened(connection, row) if coming else []
        if not coming:
            return
        last = look(start, opened, _within(coming, until), lambda first: _kept(platform, row, first))
        made = _write(platform, row, (seen, last), opened)
        if made is None:
            return
        yield from made
        seen = last
        if time.monotonic() >= until:
            return


def _compiled(row: Row) -> Start | None:
    try:
        return compile_start(row.definition["on"], is_loose=row.definition["mode"] == "loose")
    except InvalidWorkflow:  # a later version of the runner may know better than the one that deployed it
        return None


def _pass_over(platform: Platform, row: Row) -> None:
    """What comes while nothing is to be started is not made up for; what was gathered before stays."""
    with platform.database.writing() as connection:
        _moved(connection, row, row.seen, newest(connection, row.realm))


def _within(coming: Sequence[Incoming], until: float) -> Iterator[Incoming]:
    """One event at least, and more while there is time."""
    for at, one in enumerate(coming):
        if at and time.monotonic() >= until:
            return
        yield one


def _coming(connection: sa.Connection, row: Row, seen: int) -> list[Incoming]:
    own = sa.select(executions.c.id).where(
        executions.c.instance_id == row.instance_id, executions.c.workflow == row.workflow
    )
    is_own = sa.and_(events.c.emitter != "", events.c.emitter.in_(own))
    query = (
        sa.select(events.c.number, events.c.event, events.c.received_at, is_own.label("is_own"))
        .where(events.c.organization == row.realm, events.c.number > seen)
        .order_by(events.c.number)
        .limit(PAGE)
    )
    found = connection.execute(query)
    return [
        Incoming(each.number, each.event, each.received_at.timestamp(), bool(each.is_own)) for each in found
    ]


def _opened(connection: sa.Connection, row: Row) -> list[Opened]:
    found = connection.execute(
        sa.select(gatherings).where(*_of(gatherings, row)).order_by(gatherings.c.first)
    )
    return [Opened(each.first, gathered_of(each.state), each.state["count"], each.size) for each in found]


def _kept(platform: Platform, row: Row, first: int) -> list[JsonObject]:
    with platform.database.reading() as connection:
        return _events(connection, row, first)


def _events(connection: sa.Connection, row: Row, first: int) -> list[JsonObject]:
    query = sa.select(gathered_events.c.event).where(
        *_of(gathered_events, row), gathered_events.c.first == first
    )
    return list(connection.scalars(query.order_by(gathered_events.c.number)))


def _write(
    platform: Platform, row: Row, between: tuple[int, int], opened: Iterable[Opened]
) -> list[str] | None:
    """The executions started; None when another process was quicker, or the start is another by now."""
    now = platform.clock()
    made = []
    with platform.database.writing() as connection:
        if not _moved(connection, row, *between):
            return None
        for one in opened:
            if one.is_touched:
                _keep(connection, row, one, now)
            if one.fate == "met":
                made += _started(connection, platform, row, one)
            elif one.fate:
                by = By(row.organization, "events", now)
                told = {"workflow": row.workflow, "events": one.count, "bytes": one.size}
                note(connection, by, ("gathering-dropped", "instance", row.instance), before=told)
            if one.fate:
                connection.execute(sa.delete(gatherings).where(*_one(row, one.first)))
    return made


def _keep(connection: sa.Connection, row: Row, one: Opened, now: Any) -> None:
    key = {"instance_id": row.instance_id, "workflow": row.workflow, "trigger_id": row.trigger_id}
    state = {**one.gathered.as_json(), "count": one.count}
    values = {"state": state, "size": one.size, "touched_at": now}
    if one.is_new:
        connection.execute(sa.insert(gatherings).values(**key, first=one.first, **values))
    else:
        connection.execute(sa.update(gatherings).where(*_one(row, one.first)).values(**values))
    rows = [{**key, "first": one.first, "number": each.number, "event": each.event} for each in one.added]
    if rows:
        connection.execute(sa.insert(gathered_events), rows)


def _started(connection: sa.Connection, platform: Platform, row: Row, one: Opened) -> list[str]:
    new = NewExecution(
        organization=row.organization,
        instance=row.instance,
        workflow=row.workflow,
        input=_events(connection, row, one.first),
        trigger="event",
        trigger_id=row.trigger_id,
        actor="events",
        idempotency_key=f"event:{row.workflow}:{row.trigger_id}:{one.first}:{one.last}",
    )
    try:
        return [insert(connection, platform, new, platform.ids())]
    except CasewayError:  # paused or undeployed in this moment: it answers no triggers
        return []


def _moved(connection: sa.Connection, row: Row, seen: int, last: int) -> bool:
    """Move the start on, unless somebody else did, or it is not the one that was looked at any more."""
    moved = connection.execute(
        sa.update(event_starts)
        .where(
            *_of(event_starts, row),
            event_starts.c.seen == seen,
            event_starts.c.definition == row.definition,
        )
        .values(seen=last)
    )
    return moved.rowcount == 1


def _of(table: sa.Table, row: Row) -> tuple[Any, ...]:
    return (
        table.c.instance_id == row.instance_id,
        table.c.workflow == row.workflow,
        table.c.trigger_id == row.trigger_id,
    )


def _one(row: Row, first: int) -> tuple[Any, ...]:
    return (*_of(gatherings, row), gatherings.c.first == first)


def _query() -> sa.Select[Any]:
    return (
        sa.select(
            event_starts, instances.c.organization, instances.c.name.label("instance"), instances.c.phase
        )
        .join(instances, instances.c.id == event_starts.c.instance_id)
        .where(instances.c.tombstone == "")
    )
