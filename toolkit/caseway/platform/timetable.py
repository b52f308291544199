"""The schedule rows of an instance, kept in step with what is deployed and whether it runs."""

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
                next_at=old.next_at if old is not None and is_same else next_due(trigger, now),
                last_at=old.last_at if old is not None else None,
                skipped_at=old.skipped_at if old is not None else None,
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
            .values(is_enabled=is_enabled, next_at=next_due(row.definition, now))
        )


def upcoming_of(connection: sa.Connection, instance_id: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """The next few firings of each schedule of an instance, by workflow and trigger; none while it is off."""
    rows = connection.execute(sa.select(schedules).where(schedules.c.instance_id == instance_id))
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
            if isinstance(trigger, dict) and trigger.get("type") == "schedule":
                yield (item.workflow, str(trigger.get("id") or "schedule")), trigger
