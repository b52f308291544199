"""Claims: the right of one worker to run an execution, and all that running it needs.

The one rule: a claim's token fences every write, so delivering an execution twice does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.model.states import EXECUTION, ExecutionStatus, move
from caseway.platform import body as template_body
from caseway.platform import trail
from caseway.platform.bundle import Platform
from caseway.platform.held import Claim
from caseway.platform.lookup import Row
from caseway.platform.sleeping import put_to_sleep
from caseway.platform.sources import document_of
from caseway.platform.suspending import SUSPENDING
from caseway.platform.tables import executions, instances
from caseway.platform.tables.types import Instant

if TYPE_CHECKING:
    from caseway_runner import Outcome

ENDED = (ExecutionStatus.COMPLETED, ExecutionStatus.FAULTED, ExecutionStatus.CANCELLED)
CLAIMABLE = (ExecutionStatus.PENDING, ExecutionStatus.RUNNING, ExecutionStatus.WAITING)


def claim(platform: Platform, execution_id: str, *, worker: str, seconds: float = 30.0) -> Claim | None:
    """Take an execution to run it; None when it has ended, or another worker's claim still stands."""
    now = platform.clock()
    is_free = sa.or_(executions.c.claim_expires_at.is_(None), executions.c.claim_expires_at <= now)
    with platform.database.writing() as connection:
        row = trail.the_execution(connection, execution_id)
        limits = template_body.limits(trail.template_of(connection, row))
        if _is_full(connection, row, limits.get("concurrency"), now):
            return None
        taken = connection.execute(
            sa.update(executions)
            .where(executions.c.id == execution_id, executions.c.status.in_(CLAIMABLE), is_free)
            .values(
                status=ExecutionStatus.RUNNING,
                reason="",
                claimed_by=worker,
                claim_token=executions.c.claim_token + 1,
                claim_expires_at=now + timedelta(seconds=seconds),
                dispatches=executions.c.dispatches + 1,
                started_at=sa.func.coalesce(executions.c.started_at, sa.literal(now, Instant)),
            )
        )
        if taken.rowcount != 1:
            return None
        return _claim(connection, trail.the_execution(connection, execution_id), limits)


def _is_full(connection: sa.Connection, row: Row, concurrency: Any, now: datetime) -> bool:
    """Whether as many other executions of the instance run as it allows at once."""
    if not isinstance(concurrency, int):
        return False
    connection.execute(sa.select(instances.c.id).where(instances.c.id == row.instance_id).with_for_update())
    running = connection.scalar(
        sa.select(sa.func.count())
        .select_from(executions)
        .where(
            executions.c.instance_id == row.instance_id,
            executions.c.id != row.id,
            executions.c.status == ExecutionStatus.RUNNING,
            executions.c.claim_expires_at > now,
        )
    )
    return int(running or 0) >= concurrency


def claim_next(platform: Platform, *, worker: str, seconds: float = 30.0) -> Claim | None:
    """Claim the oldest pending execution whose instance may run one more; None when there is none."""
    at, last = datetime(1970, 1, 1, tzinfo=UTC), ""
    while True:
        with platform.database.reading() as connection:
            found = connection.execute(_pending(at, last)).all()
        for row in found:
            held = claim(platform, row.id, worker=worker, seconds=seconds)
            if held is not None:
                return held
            at, last = row.created_at, row.id
        if not found:
            return None


def _pending(at: datetime, last: str) -> sa.Select[Any]:
    """Some pending executions later than that one, oldest first."""
    is_later = sa.or_(
        executions.c.created_at > at, sa.and_(executions.c.created_at == at, executions.c.id > last)
    )
    return (
        sa.select(executions.c.id, executions.c.created_at)
        .where(executions.c.status == ExecutionStatus.PENDING, is_later)
        .order_by(executions.c.created_at, executions.c.id)
        .limit(20)
    )


def heartbeat(platform: Platform, held: Claim, seconds: float = 30.0) -> str:
    """Keep the claim: "ok", "cancel" or "suspend" when asked to, "lost" when it is another's by now."""
    with platform.database.writing() as connection:
        kept = connection.execute(
            sa.update(executions)
            .where(*_mine(held))
            .values(claim_expires_at=platform.clock() + timedelta(seconds=seconds))
        )
        if kept.rowcount != 1:
            return "lost"
        row = trail.the_execution(connection, held.execution_id)
    if row.cancel_requested:
        return "cancel"
    return "suspend" if row.reason == SUSPENDING else "ok"


def listen(platform: Platform, held: Claim) -> str:
    """As `heartbeat`, without renewing the claim: nothing is written."""
    query = sa.select(executions.c.claim_token, executions.c.cancel_requested)
    with platform.database.reading() as connection:
        row = connection.execute(query.where(executions.c.id == held.execution_id)).one_or_none()
    if row is None or row.claim_token != held.token:
        return "lost"
    return "cancel" if row.cancel_requested else "ok"


def release(platform: Platform, held: Claim, *, status: str = "pending", reason: str = "") -> None:
    """Give the claim back before the end, leaving the execution pending, waiting or suspended."""
    after = move(EXECUTION, ExecutionStatus.RUNNING, ExecutionStatus(status))
    with platform.database.writing() as connection:
        _write(connection, held, {"status": after, "reason": reason})


def finish(platform: Platform, held: Claim, outcome: Outcome) -> None:
    """Record how it ended (or that it waits), once. Raises `CasewayError` (`claim-lost`)."""
    now = platform.clock()
    status = ExecutionStatus(outcome.status.value)
    values: dict[str, Any] = {"status": status, "reason": outcome.reason}
    if status in ENDED:
        values |= {
            "result": outcome.output,
            "error": None if outcome.error is None else dict(outcome.error.as_json()),
            "failed_task": outcome.error.instance if outcome.error is not None else "",
            "ended_at": now,
        }
    with platform.database.writing() as connection:
        move(EXECUTION, ExecutionStatus.RUNNING, status)
        _write(connection, held, values)
        put_to_sleep(connection, held.execution_id, held.organization, outcome.waiting)
        trail.record(connection, held.execution_id, outcome.tasks)
        if status in ENDED:
            trail.close(connection, held.execution_id, status, now)


def _claim(connection: sa.Connection, row: Row, limits: JsonObject) -> Claim:
    return Claim(
        execution_id=row.id,
        token=row.claim_token,
        worker=row.claimed_by,
        document=document_of(connection, row.definition),
        input=row.input,
        instance_id=row.instance_id,
        instance=row.instance,
        organization=row.organization,
        process=row.process,
        workflow=row.workflow,
        version=row.version,
        limits=limits,
        labels={"instance": row.instance, "stage": row.stage, "process": row.process},
    )


def _mine(held: Claim) -> tuple[Any, ...]:
    return executions.c.id == held.execution_id, executions.c.claim_token == held.token


def _write(connection: sa.Connection, held: Claim, values: Mapping[str, Any]) -> None:
    written = connection.execute(
        sa.update(executions)
        .where(*_mine(held), executions.c.status == ExecutionStatus.RUNNING)
        .values(claim_expires_at=None, **values)
    )
    if written.rowcount != 1:
        raise CasewayError(
            f"execution {held.execution_id} is no longer {held.worker}'s to write",
            code="claim-lost",
            place=held.execution_id,
        )
