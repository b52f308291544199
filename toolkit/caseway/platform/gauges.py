"""How much there is and how late it is: what a monitoring asks for. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from caseway.model.states import ExecutionStatus
from caseway.platform.bundle import Platform
from caseway.platform.tables import executions, schedules

ONGOING = (
    ExecutionStatus.PENDING,
    ExecutionStatus.RUNNING,
    ExecutionStatus.WAITING,
    ExecutionStatus.SUSPENDED,
)


@dataclass(frozen=True, slots=True)
class Gauges:
    """Numbers of one moment. Ages and lags are in seconds; `workers` has the executions that each holds."""

    executions: Mapping[str, int] = field(default_factory=dict)
    queue_depth: int = 0
    oldest_pending: float = 0.0
    scheduler_lag: float = 0.0
    expired_claims: int = 0
    workers: Mapping[str, int] = field(default_factory=dict)


def measure(platform: Platform) -> Gauges:
    """The numbers now, over all organizations. Only executions that go on are counted, for those that ended
    may be millions."""
    now = platform.clock()
    by_status = sa.select(executions.c.status, sa.func.count().label("number")).group_by(executions.c.status)
    is_held = executions.c.claim_expires_at.is_not(None)
    by_worker = (
        sa.select(executions.c.claimed_by, sa.func.count().label("number"))
        .where(executions.c.status == ExecutionStatus.RUNNING, is_held, executions.c.claim_expires_at > now)
        .group_by(executions.c.claimed_by)
    )
    expired = (
        sa.select(sa.func.count())
        .select_from(executions)
        .where(executions.c.status == ExecutionStatus.RUNNING, is_held, executions.c.claim_expires_at <= now)
    )
    pending = sa.select(sa.func.min(executions.c.created_at)).where(
        executions.c.status == ExecutionStatus.PENDING
    )
    overdue = sa.select(sa.func.min(schedules.c.next_at)).where(
        schedules.c.is_enabled, schedules.c.next_at <= now
    )
    with platform.database.reading() as connection:
        found = connection.execute(by_status.where(executions.c.status.in_(ONGOING)))
        counts = {status.value: 0 for status in ONGOING} | {row.status: row.number for row in found}
        oldest, late = connection.scalar(pending), connection.scalar(overdue)
        return Gauges(
            executions=counts,
            queue_depth=counts[ExecutionStatus.PENDING.value],
            oldest_pending=(now - oldest).total_seconds() if oldest is not None else 0.0,
            scheduler_lag=(now - late).total_seconds() if late is not None else 0.0,
            expired_claims=int(connection.scalar(expired) or 0),
            workers={row.claimed_by: row.number for row in connection.execute(by_worker)},
        )
