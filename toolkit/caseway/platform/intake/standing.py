"""How the sources of triggers stand, for people. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from caseway.platform.intake import failing
from caseway.platform.tables import instant, schedules
from caseway.platform.timetable import SCHEDULE


def failing_triggers(connection: sa.Connection, instance_ids: Sequence[str]) -> Mapping[str, list[str]]:
    """By instance, `<workflow>/<trigger>` of each source that failed the last time it was looked at."""
    state = sa.type_coerce(schedules.c.state, sa.Text)
    query = sa.select(schedules).where(
        schedules.c.kind != SCHEDULE, schedules.c.is_enabled, state.contains('"failures":', autoescape=True)
    )
    if len(instance_ids) == 1:
        query = query.where(schedules.c.instance_id == instance_ids[0])
    found: dict[str, list[str]] = {}
    for row in connection.execute(query.order_by(schedules.c.workflow, schedules.c.trigger_id)):
        found.setdefault(row.instance_id, []).append(f"{row.workflow}/{row.trigger_id}")
    return found


def standing_of(connection: sa.Connection, instance_id: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What the sources of an instance remember, by workflow and trigger: the last look, errors, and how many
    messages were set aside."""
    rows = connection.execute(
        sa.select(schedules).where(schedules.c.instance_id == instance_id, schedules.c.kind != SCHEDULE)
    )
    return {
        (row.workflow, row.trigger_id): {
            "lastAt": instant(row.last_at) if row.last_at else "",
            **failing.shown(row.state),
        }
        for row in rows
    }
