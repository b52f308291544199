"""Schedules: which are due, each firing exactly once whatever the number of schedulers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.model.states import ExecutionStatus
from caseway.platform.bundle import Platform
from caseway.platform.creation import NewExecution, insert
from caseway.platform.due import every, missed, next_due
from caseway.platform.lookup import Row
from caseway.platform.tables import executions, instances, instant, schedules
from caseway.platform.timetable import SCHEDULE, firings

MADE_UP_FOR = 10  # of a schedule whose misfire policy is `all`, no more are run late than this
ONGOING = (
    ExecutionStatus.PENDING,
    ExecutionStatus.RUNNING,
    ExecutionStatus.WAITING,
    ExecutionStatus.SUSPENDED,
)


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A schedule trigger of an instance and its next firings ("" when there is none). `skipped_at` is the
    last one that was left out because the one before still ran."""

    instance: str
    workflow: str
    trigger_id: str
    cron: str
    every: str
    after: str
    timezone: str
    next_at: str
    last_at: str
    skipped_at: str
    upcoming: tuple[str, ...]
    enabled: bool

    def as_json(self) -> JsonObject:
        """The view as a JSON object."""
        return asdict(self)


def list_schedules(platform: Platform, organization: str, *, instance: str = "") -> list[ScheduleView]:
    """The schedules of an organization, or of one instance, soonest first."""
    query = _query().where(instances.c.organization == organization)
    if instance:
        query = query.where(instances.c.name == instance)
    with platform.database.reading() as connection:
        rows = connection.execute(query.order_by(schedules.c.next_at, instances.c.name, schedules.c.workflow))
        return [_view(row) for row in rows]


def due(platform: Platform, *, limit: int = 100) -> list[str]:
    """Fire what is due now; the ids of the executions made.

    Each firing moves its schedule on in the transaction that makes the execution, and its idempotency key is
    its due time: so two schedulers never fire it twice, and a crash in between fires it later, not never."""
    now = platform.clock()
    is_due = sa.and_(schedules.c.is_enabled, schedules.c.next_at <= now)
    with platform.database.reading() as connection:
        rows = connection.execute(_query().where(is_due).order_by(schedules.c.next_at).limit(limit)).all()
    return [made for row in rows for made in _fire(platform, row, now)]


def _fire(platform: Platform, row: Row, now: datetime) -> list[str]:
    """Move the schedule on and make its executions, unless another scheduler did."""
    if "after" in row.definition:
        return _fire_again(platform, row, now)
    moments, following = _moments(row, now)
    with platform.database.writing() as connection:
        is_busy = not _may_overlap(row) and _is_overlapping(connection, row)
        if is_busy and _waits_its_turn(row):
            return []
        changes: dict[str, Any] = {"last_at": row.next_at}
        if is_busy:
            moments, changes = [], {"skipped_at": row.next_at}
        if not _has_moved(connection, row, next_at=following, **changes):
            return []
        return [made for at in moments if (made := _start(connection, platform, row, at)) is not None]


def _fire_again(platform: Platform, row: Row, now: datetime) -> list[str]:
    """Fire, if the time since the end of the execution before has passed; else put it off until then."""
    length = every(str(row.definition["after"]))
    with platform.database.writing() as connection:
        due_at = now + length if _is_overlapping(connection, row) else _last_end(connection, row) + length
        if due_at > now:
            _has_moved(connection, row, next_at=due_at)
            return []
        if not _has_moved(connection, row, next_at=now + length, last_at=row.next_at):
            return []
        made = _start(connection, platform, row, row.next_at)
        return [made] if made is not None else []


def _last_end(connection: sa.Connection, row: Row) -> datetime:
    """When the last execution that the schedule made has ended; long ago when there is none."""
    query = sa.select(sa.func.max(executions.c.ended_at)).where(*_made_by(row))
    found = connection.scalar(query)
    return found if isinstance(found, datetime) else datetime.min.replace(tzinfo=UTC)


def _has_moved(connection: sa.Connection, row: Row, **changes: Any) -> bool:
    """Write the changes, unless another scheduler was quicker."""
    moved = connection.execute(
        sa.update(schedules)
        .where(*_this(row), schedules.c.next_at == row.next_at, schedules.c.is_enabled)
        .values(**changes)
    )
    return moved.rowcount == 1


def _moments(row: Row, now: datetime) -> tuple[list[datetime], datetime | None]:
    """The firings to make now, and when the schedule is due after that. A late one makes the due firing
    (`misfire: once`), none (`skip`), or each that was missed (`all`): one after the other where they may not
    overlap."""
    policy = str(row.definition.get("misfire") or "once")
    found = missed(row.definition, row.next_at, now, MADE_UP_FOR)
    after = _after(row, now)
    if len(found) == 1 or policy == "once":
        return [row.next_at], after
    if policy == "skip":
        return [], after
    return (found, after) if _may_overlap(row) else (found[:1], found[1])


def _after(row: Row, now: datetime) -> datetime | None:
    """The first firing later than now; `every` keeps its beat, counting from the last one due."""
    if "every" in row.definition:
        length = every(str(row.definition["every"]))
        return row.next_at + ((now - row.next_at) // length + 1) * length  # type: ignore[no-any-return]
    return next_due(row.definition, now)


def _may_overlap(row: Row) -> bool:
    return bool(row.definition.get("overlap", False))


def _waits_its_turn(row: Row) -> bool:
    """Whether no firing may be lost: then one that comes while the one before still runs is late, not left
    out."""
    return bool(row.definition.get("misfire") == "all")


def _is_overlapping(connection: sa.Connection, row: Row) -> bool:
    """Whether the firing before still runs."""
    query = sa.select(executions.c.id).where(*_made_by(row), executions.c.status.in_(ONGOING))
    return connection.execute(query.limit(1)).first() is not None


def _made_by(row: Row) -> tuple[Any, ...]:
    """The executions that a schedule has made."""
    return (
        executions.c.instance_id == row.instance_id,
        executions.c.workflow == row.workflow,
        executions.c.trigger_id == row.trigger_id,
        executions.c.trigger == "schedule",
    )


def _start(connection: sa.Connection, platform: Platform, row: Row, at: datetime) -> str | None:
    key = f"schedule:{row.workflow}:{row.trigger_id}:{instant(at)}"
    new = NewExecution(
        organization=row.organization,
        instance=row.instance,
        workflow=row.workflow,
        input=row.definition.get("input"),
        trigger="schedule",
        trigger_id=row.trigger_id,
        actor="schedule",
        idempotency_key=key,
    )
    try:
        return insert(connection, platform, new, platform.ids())
    except CasewayError:  # paused or undeployed in this moment: then there is nothing to fire
        return None


def _this(row: Row) -> tuple[Any, ...]:
    return (
        schedules.c.instance_id == row.instance_id,
        schedules.c.workflow == row.workflow,
        schedules.c.trigger_id == row.trigger_id,
    )


def _query() -> sa.Select[Any]:
    return (
        sa.select(schedules, instances.c.name.label("instance"), instances.c.organization)
        .join(instances, instances.c.id == schedules.c.instance_id)
        .where(instances.c.tombstone == "", schedules.c.kind == SCHEDULE)
    )


def _view(row: Row) -> ScheduleView:
    definition = row.definition
    return ScheduleView(
        instance=row.instance,
        workflow=row.workflow,
        trigger_id=row.trigger_id,
        cron=str(definition.get("cron") or ""),
        every=str(definition.get("every") or ""),
        after=str(definition.get("after") or ""),
        timezone=str(definition.get("timezone") or "UTC"),
        next_at=instant(row.next_at) if row.next_at and row.is_enabled else "",
        last_at=instant(row.last_at) if row.last_at else "",
        skipped_at=instant(row.skipped_at) if row.skipped_at else "",
        upcoming=tuple(instant(at) for at in firings(row.definition, row.next_at, is_enabled=row.is_enabled)),
        enabled=row.is_enabled,
    )
