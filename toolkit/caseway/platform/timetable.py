"""The rows of the triggers that act by themselves, kept in step with what is deployed and whether it runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.platform.due import next_due, upcoming
from caseway.platform.tables import instant, schedules
from caseway.platform.target import Rendered

SHOWN = 5  # how many of the firings to come are shown
SCHEDULE, POLL, QUEUE = "schedule", "poll", "queue"
BY_THEMSELVES = frozenset({SCHEDULE, POLL, QUEUE})  # triggers that nobody outside has to call


def sync(
    connection: sa.Connection,
    instance_id: str,
    workflows: Sequence[Rendered],
    *,
    is_enabled: bool,
    now: datetime,
) -> None:
    """Let the rows be those of `workflows`; a schedule that did not change keeps its next firing."""
    before = {
        (row.workflow, row.trigger_id): row
        for row in connection.execute(sa.select(schedules).where(schedules.c.instance_id == instance_id))
    }
    after = dict(_scheduled(workflows))
    if not before and not after:
        return
    connection.execute(sa.delete(schedules).where(schedules.c.instance_id == instance_id))
    for (workflow, trigger_id), trigger in after.items():
        old = before.get((workflow, trigger_id))
        is_same = old is not None and old.definition == trigger and old.is_enabled and is_enabled
        connection.execute(
            sa.insert(schedules).values(
                instance_id=instance_id,
                workflow=workflow,
                trigger_id=trigger_id,
                definition=trigger,
                is_enabled=is_enabled,
                next_at=old.next_at if old is not None and is_same else _first_at(trigger, now),
                last_at=old.last_at if old is not None else None,
                skipped_at=old.skipped_at if old is not None else None,
                kind=trigger["type"],
                state=old.state if old is not None else None,
            )
        )


def enable(connection: sa.Connection, instance_id: str, *, is_enabled: bool, now: datetime) -> None:
    """Switch all schedules of an instance; what fell due while they were off is not made up for."""
    rows = connection.execute(
        sa.select(schedules).where(
            schedules.c.instance_id == instance_id, schedules.c.is_enabled != is_enabled
        )
    ).all()
    for row in rows:
        connection.execute(
            sa.update(schedules)
            .where(
                schedules.c.instance_id == instance_id,
                schedules.c.workflow == row.workflow,
                schedules.c.trigger_id == row.trigger_id,
            )
            .values(is_enabled=is_enabled, next_at=_first_at(row.definition, now))
        )


def _first_at(trigger: JsonObject, now: datetime) -> datetime | None:
    """When a trigger acts that has just come: a poll looks at once, a queue is not bound to times."""
    if trigger.get("type") == POLL:
        return now
    return None if trigger.get("type") == QUEUE else next_due(trigger, now)


def upcoming_of(connection: sa.Connection, instance_id: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """The next few firings of each schedule and poll of an instance, by workflow and trigger; none while it
    is off."""
    rows = connection.execute(
        sa.select(schedules).where(schedules.c.instance_id == instance_id, schedules.c.kind != QUEUE)
    )
    return {
        (row.workflow, row.trigger_id): tuple(
            instant(moment) for moment in firings(row.definition, row.next_at, is_enabled=row.is_enabled)
        )
        for row in rows
    }


def firings(definition: JsonObject, next_at: datetime | None, *, is_enabled: bool) -> list[datetime]:
    """The next few firings of a schedule that is due next at `next_at`."""
    if not is_enabled or next_at is None:
        return []
    if "after" in definition:  # the ones to follow depend on when executions end
        return [next_at]
    return [next_at, *upcoming(definition, next_at, SHOWN - 1)]


def _scheduled(workflows: Sequence[Rendered]) -> Any:
    for item in workflows:
        for trigger in item.settings.get("triggers") or ():  # type: ignore[union-attr]
            if isinstance(trigger, dict) and trigger.get("type") in BY_THEMSELVES:
                yield (item.workflow, str(trigger.get("id") or trigger["type"])), trigger
