"""Schedules: which are due, each firing exactly once whatever the number of schedulers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.model.states import ExecutionStatus
from caseway.platform.bundle import Platform
from caseway.platform.creation import NewExecution, create, insert
from caseway.platform.due import next_due
from caseway.platform.lookup import Row
from caseway.platform.tables import executions, instances, instant, schedules

MADE_UP_FOR = 10  # of a schedule whose misfire policy is `all`, no more are run late than this
ONGOING = (
    ExecutionStatus.PENDING,
    ExecutionStatus.RUNNING,
    ExecutionStatus.WAITING,
    ExecutionStatus.SUSPENDED,
)


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A schedule trigger of an instance and its next firing ("" when there is none)."""

    instance: str
    workflow: str
    trigger_id: str
    cron: str
    every: str
    timezone: str
    next_at: str
    last_at: str
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


def run_now(platform: Platform, organization: str, instance: str, workflow: str = "", *, actor: str) -> str:
    """Start a scheduled workflow at once, without moving its schedule; the id of the execution."""
    return create(platform, NewExecution(organization, instance, workflow, None, "schedule", "", actor))


def _fire(platform: Platform, row: Row, now: datetime) -> list[str]:
    """Move the schedule on and make its executions, unless another scheduler did."""
    with platform.database.writing() as connection:
        moved = connection.execute(
            sa.update(schedules)
            .where(*_this(row), schedules.c.next_at == row.next_at, schedules.c.is_enabled)
            .values(next_at=next_due(row.definition, _from(row, now)), last_at=row.next_at)
        )
        if moved.rowcount != 1 or _is_overlapping(connection, row):
            return []
        return [
            made for at in _moments(row, now) if (made := _start(connection, platform, row, at)) is not None
        ]


def _moments(row: Row, now: datetime) -> list[datetime]:
    """The firings to make: the due one; with `misfire: all` also those missed since; with `skip` none when
    the moment has passed by more than the schedule's own rhythm."""
    policy = str(row.definition.get("misfire") or "once")
    following = next_due(row.definition, row.next_at)
    is_late = following is not None and following <= now
    if not is_late or policy == "once":
        return [row.next_at]
    if policy == "skip":
        return []
    found = [row.next_at]
    while following is not None and following <= now and len(found) < MADE_UP_FOR:
        found.append(following)
        following = next_due(row.definition, following)
    return found


def _from(row: Row, now: datetime) -> datetime:
    """`every` keeps its beat: the next firing counts from the last one due, not from when we looked."""
    if "every" not in row.definition:
        return now
    last = row.next_at
    following = next_due(row.definition, last)
    while following is not None and following <= now:
        beats = (now - last) // (following - last)
        last = last + beats * (following - last)
        following = next_due(row.definition, last)
    return last  # type: ignore[no-any-return]


def _is_overlapping(connection: sa.Connection, row: Row) -> bool:
    """Whether the firing before still runs, and this schedule may not overlap."""
    if row.definition.get("overlap", False):
        return False
    query = sa.select(executions.c.id).where(
        executions.c.instance_id == row.instance_id,
        executions.c.workflow == row.workflow,
        executions.c.trigger_id == row.trigger_id,
        executions.c.trigger == "schedule",
        executions.c.status.in_(ONGOING),
    )
    return connection.execute(query.limit(1)).first() is not None


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
        .where(instances.c.tombstone == "")
    )


def _view(row: Row) -> ScheduleView:
    definition = row.definition
    return ScheduleView(
        instance=row.instance,
        workflow=row.workflow,
        trigger_id=row.trigger_id,
        cron=str(definition.get("cron") or ""),
        every=str(definition.get("every") or ""),
        timezone=str(definition.get("timezone") or "UTC"),
        next_at=instant(row.next_at) if row.next_at and row.is_enabled else "",
        last_at=instant(row.last_at) if row.last_at else "",
        enabled=row.is_enabled,
    )
