"""The starts that ask more of events than plain attributes, kept in step with what is deployed.

Rule: a start counts the events that came since it was first deployed; one that changes gathers anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.previewed import preview_of, preview_realm
from caseway.platform.tables import event_starts, events, gatherings
from caseway.platform.target import Rendered

KEPT = timedelta(days=90)  # so long a start waits for its next event
BATCH = 500


def sync(connection: sa.Connection, instance: Row, workflows: Sequence[Rendered]) -> None:
    """Let the rows be those of `workflows`; what was gathered stays where the start is the same."""
    mine = event_starts.c.instance_id == instance.id
    before = {
        (row.workflow, row.trigger_id): row for row in connection.execute(sa.select(event_starts).where(mine))
    }
    after = dict(_starts(workflows))
    for key, row in before.items():
        if after.get(key) != row.definition:
            connection.execute(sa.delete(event_starts).where(*_this(row)))
    for (workflow, trigger_id), definition in after.items():
        old = before.get((workflow, trigger_id))
        if old is not None and old.definition == definition:
            continue
        connection.execute(
            sa.insert(event_starts).values(
                instance_id=instance.id,
                workflow=workflow,
                trigger_id=trigger_id,
                realm=_realm(instance),
                definition=definition,
                seen=old.seen if old is not None else newest(connection),
            )
        )


def forget(connection: sa.Connection, instance_id: str) -> None:
    """Nothing of the instance is started by events any more."""
    connection.execute(sa.delete(event_starts).where(event_starts.c.instance_id == instance_id))


def sweep(platform: Platform) -> int:
    """Let go what has waited too long for its next event, at most a batch of it; how many."""
    key = [gatherings.c.instance_id, gatherings.c.workflow, gatherings.c.trigger_id, gatherings.c.first]
    old = sa.select(*key).where(gatherings.c.touched_at <= platform.clock() - KEPT).limit(BATCH)
    with platform.database.writing() as connection:
        return int(connection.execute(sa.delete(gatherings).where(sa.tuple_(*key).in_(old))).rowcount)


def newest(connection: sa.Connection, realm: str = "") -> int:
    """The number of the last event there, of that realm or of any."""
    query = sa.select(sa.func.max(events.c.number))
    return int(connection.scalar(query.where(events.c.organization == realm) if realm else query) or 0)


def is_start(trigger: Mapping[str, Any]) -> bool:
    """Whether an `event` trigger is one of these."""
    return isinstance(trigger.get("on"), Mapping)


def _starts(workflows: Sequence[Rendered]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    for item in workflows:
        triggers: Any = item.settings.get("triggers") or ()
        for trigger in triggers:
            if trigger.get("type") == "event" and is_start(trigger):
                definition = {"on": trigger["on"], "mode": str(trigger.get("mode") or "strict")}
                yield (item.workflow, str(trigger.get("id") or "")), definition


def _realm(instance: Row) -> str:
    if preview_of(instance.project):
        return preview_realm(instance.organization, instance.project)
    return str(instance.organization)


def _this(row: Row) -> tuple[Any, ...]:
    return (
        event_starts.c.instance_id == row.instance_id,
        event_starts.c.workflow == row.workflow,
        event_starts.c.trigger_id == row.trigger_id,
    )
