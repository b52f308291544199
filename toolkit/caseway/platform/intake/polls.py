"""What a poll found: each item that was not there before starts one execution.

Rule: the items that were seen, the executions and the time of the next look are stored in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import Json, JsonObject, digest
from caseway.platform import lease
from caseway.platform.bundle import Platform
from caseway.platform.creation import NewExecution, insert
from caseway.platform.due import next_due
from caseway.platform.intake import failing
from caseway.platform.intake.watched import Watched, change
from caseway.platform.tables import seen_items

AT_ONCE = 100  # executions that one look starts; the other items wait for the next, which comes at once
KEPT = timedelta(days=90)  # so long an item is known after it was seen last
REFRESHED = timedelta(days=1)  # how old `seen_at` may grow of an item that is still there
_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Item:
    """One item of an answer, and the key by which it is known."""

    key: str
    value: Json


def keep(platform: Platform, held: lease.Lease, watched: Watched, items: Sequence[Item]) -> list[str]:
    """Store what a look found; the ids of the executions it started.

    Raises `CasewayError`: `lease-lost`, `not-active`, or as `creation.create`."""
    now = platform.clock()
    made: list[str] = []
    with platform.database.writing() as connection:

        def changed(state: dict[str, Any]) -> dict[str, Any]:
            mark = _mark(watched.definition)
            is_first = state.get("baseline") != mark
            fresh = list(_fresh(connection, watched, items, now))
            is_passed_over = is_first and str(watched.definition.get("first") or "skip") == "skip"
            taken = fresh if is_passed_over else fresh[:AT_ONCE]
            _remember(connection, watched, taken, now)
            made.extend(_start(connection, platform, watched, item) for item in taken if not is_passed_over)
            following = now if len(taken) < len(fresh) else next_due(watched.definition, now)
            told = {**failing.succeeded(state, now), "items": len(items)}
            return {"state": {**told, "baseline": mark}, "last_at": now, "next_at": following}

        change(connection, held, watched, now, changed)
    platform.bell.ring(made)
    return made


def fail(
    platform: Platform, held: lease.Lease, watched: Watched, error: str, *, retry_after: float = 0.0
) -> None:
    """Store that a look failed: the next comes later with each failure, never before its time.

    Raises `CasewayError`: `lease-lost`, `not-active`."""
    now = platform.clock()

    def changed(state: dict[str, Any]) -> dict[str, Any]:
        told = failing.failed(state, error, now)
        wait = max(failing.pause(failing.failures(told)), retry_after)
        regular = next_due(watched.definition, now)
        later = now + timedelta(seconds=wait)
        return {"state": told, "last_at": now, "next_at": max(later, regular) if regular else later}

    with platform.database.writing() as connection:
        change(connection, held, watched, now, changed)


def forget_items(platform: Platform, *, limit: int = 1000) -> int:
    """Drop what no answer has had for long, at most `limit` items; how many."""
    columns = tuple(seen_items.primary_key.columns)
    old = sa.select(*columns).where(seen_items.c.seen_at < platform.clock() - KEPT).limit(limit)
    with platform.database.writing() as connection:
        gone = sa.delete(seen_items).where(sa.tuple_(*columns).in_(old))
        return int(connection.execute(gone).rowcount)


def _mark(definition: JsonObject) -> str:
    """What an answer means: when it changes, the next look is a first one."""
    return digest({name: definition.get(name) for name in ("request", "items", "key")})


def _fresh(
    connection: sa.Connection, watched: Watched, items: Sequence[Item], now: datetime
) -> Iterator[Item]:
    """The items that are not known, each once; of those that are, it is kept that they were seen."""
    by_name = {digest(item.key): item for item in reversed(items)}
    names = list(reversed(by_name))
    for begin in range(0, len(names), _CHUNK):
        chunk = names[begin : begin + _CHUNK]
        rows = connection.execute(
            sa.select(seen_items.c.item, seen_items.c.seen_at).where(
                *_of(watched), seen_items.c.item.in_(chunk)
            )
        )
        known = {row.item: row.seen_at for row in rows}
        old = [name for name, at in known.items() if at < now - REFRESHED]
        if old:
            again = sa.update(seen_items).where(*_of(watched), seen_items.c.item.in_(old))
            connection.execute(again.values(seen_at=now))
        yield from (by_name[name] for name in chunk if name not in known)


def _remember(connection: sa.Connection, watched: Watched, items: Sequence[Item], now: datetime) -> None:
    rows = [
        {
            "instance_id": watched.instance_id,
            "workflow": watched.workflow,
            "trigger_id": watched.trigger_id,
            "item": digest(item.key),
            "seen_at": now,
        }
        for item in items
    ]
    if rows:
        connection.execute(sa.insert(seen_items), rows)


def _start(connection: sa.Connection, platform: Platform, watched: Watched, item: Item) -> str:
    new = NewExecution(
        organization=watched.organization,
        instance=watched.instance,
        workflow=watched.workflow,
        input=item.value,
        trigger="poll",
        trigger_id=watched.trigger_id,
        actor="poll",
        idempotency_key=watched.execution_key(digest(item.key)),
    )
    return insert(connection, platform, new, platform.ids())


def _of(watched: Watched) -> tuple[Any, ...]:
    return (
        seen_items.c.instance_id == watched.instance_id,
        seen_items.c.workflow == watched.workflow,
        seen_items.c.trigger_id == watched.trigger_id,
    )
