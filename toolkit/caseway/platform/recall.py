"""Reaching into executions from outside: cancel, resume, and bring back what lost its worker."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.model.states import EXECUTION, ExecutionStatus, move
from caseway.platform import trail
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.claims import ENDED, lost
from caseway.platform.creation import unended
from caseway.platform.held import Claim
from caseway.platform.lease import is_dead
from caseway.platform.lookup import Row
from caseway.platform.tables import artifact_uses, executions, journal

DISPATCHES = 1 + 3  # the first, and the retries that a lost worker is allowed


def cancel(platform: Platform, execution_id: str, *, actor: str) -> str:
    """Ask an execution to end; its status now. One that no living worker holds is cancelled at once."""
    now = platform.clock()
    with platform.database.writing() as connection:
        row = trail.the_execution(connection, execution_id)
        if row.status in ENDED:
            move(EXECUTION, ExecutionStatus(row.status), ExecutionStatus.CANCELLED)
        is_held = row.claim_expires_at is not None and row.claim_expires_at > now
        is_held = is_held and not is_dead(row.claimed_by, platform.holder)
        values: dict[str, Any] = {"cancel_requested": True}
        if not is_held:
            values |= {"status": ExecutionStatus.CANCELLED, "reason": "cancelled", "ended_at": now}
            values |= {"claim_token": executions.c.claim_token + 1, "claim_expires_at": None}
            trail.close(connection, execution_id, ExecutionStatus.CANCELLED, now)
        connection.execute(sa.update(executions).where(executions.c.id == execution_id).values(**values))
        note(connection, By(row.organization, actor, now), ("cancel", "execution", execution_id))
    return "running" if is_held else "cancelled"


def resume(platform: Platform, execution_id: str, *, actor: str) -> str:
    """Let a suspended, waiting or faulted execution go on from its journal; its id."""
    now = platform.clock()
    with platform.database.writing() as connection:
        row = trail.the_execution(connection, execution_id)
        if row.status != ExecutionStatus.PENDING:
            move(EXECUTION, ExecutionStatus(row.status), ExecutionStatus.PENDING)
        is_held = row.claim_expires_at is not None and row.claim_expires_at > now
        if is_held and not is_dead(row.claimed_by, platform.holder):
            raise CasewayError(
                f"{row.claimed_by} runs execution {execution_id}",
                code="illegal-transition",
                place=execution_id,
            )
        if row.status == ExecutionStatus.FAULTED:
            _forget_fault(connection, row)
        connection.execute(
            sa.update(executions)
            .where(executions.c.id == execution_id)
            .values(
                status=ExecutionStatus.PENDING,
                reason="resumed",
                ended_at=None,
                expires_at=None,
                claim_expires_at=None,
                claim_token=executions.c.claim_token + 1,  # whoever held it may not write any more
                **unended(),
            )
        )
        note(connection, By(row.organization, actor, now), ("resume", "execution", execution_id))
    platform.bell.ring([execution_id])
    return execution_id


def sweep(platform: Platform) -> list[str]:
    """Bring back what lost its worker: pending again while it has dispatches left, faulted (lost) after.
    The ids of those that are pending again."""
    now = platform.clock()
    held = sa.and_(
        executions.c.status.in_((ExecutionStatus.RUNNING, ExecutionStatus.WAITING)),
        executions.c.claim_expires_at.is_not(None),
    )
    with platform.database.reading() as connection:
        rows = connection.execute(sa.select(executions).where(held)).all()
    lost = [row for row in rows if row.claim_expires_at <= now or is_dead(row.claimed_by, platform.holder)]
    return [row.id for row in lost if _bring_back(platform, row, now)]


def lose(platform: Platform, held: Claim) -> str:
    """An execution lost what it ran in: its status now, pending while it has dispatches left. Raises
    `CasewayError` (`claim-lost`) when it is somebody else's by now."""
    with platform.database.reading() as connection:
        row = trail.the_execution(connection, held.execution_id)
    if row.claim_token != held.token or row.claim_expires_at is None:
        raise lost(held)
    _bring_back(platform, row, platform.clock())
    with platform.database.reading() as connection:
        return str(trail.the_execution(connection, held.execution_id).status)


def _bring_back(platform: Platform, row: Row, now: datetime) -> bool:
    """True when the execution is pending again; nothing happens when its worker was quicker."""
    status = ExecutionStatus.PENDING if row.dispatches < DISPATCHES else ExecutionStatus.FAULTED
    values: dict[str, Any] = {"reason": "lost", "error": None if row.dispatches < DISPATCHES else _lost(row)}
    if row.cancel_requested:
        status, values = ExecutionStatus.CANCELLED, {"reason": "cancelled"}
    if status is not ExecutionStatus.PENDING:
        values["ended_at"] = now
    still = (
        executions.c.id == row.id,
        executions.c.claim_token == row.claim_token,
        executions.c.claim_expires_at == row.claim_expires_at,
    )
    with platform.database.writing() as connection:
        changed = connection.execute(
            sa.update(executions)
            .where(*still)
            .values(status=status, claim_token=row.claim_token + 1, claim_expires_at=None, **values)
        )
        if changed.rowcount == 1 and status is not ExecutionStatus.PENDING:
            trail.close(connection, row.id, status, now)
    return changed.rowcount == 1 and status is ExecutionStatus.PENDING


def _forget_fault(connection: sa.Connection, row: Row) -> None:
    """The task that failed shall run again, and deadlines count anew: the journal must not say otherwise.
    Faults that the workflow caught stay, for the way taken after them depends on them."""
    mine = journal.c.execution_id == row.id
    kinds = ("faulted", "cut") if row.reason == "timeout" else ("faulted",)
    for kind in kinds:
        last = connection.scalar(sa.select(sa.func.max(journal.c.number)).where(mine, journal.c.kind == kind))
        if last is not None:
            connection.execute(sa.delete(journal).where(mine, journal.c.number == last))
            aside = (artifact_uses.c.execution_id == row.id, artifact_uses.c.number == last)
            connection.execute(sa.delete(artifact_uses).where(*aside))
    connection.execute(sa.delete(journal).where(mine, journal.c.kind == "begun"))


def _lost(row: Row) -> dict[str, Any]:
    return {
        "type": "https://serverlessworkflow.io/spec/1.0.0/errors/runtime",
        "status": 500,
        "title": "Lost",
        "detail": f"its worker went away {row.dispatches} times, last {row.claimed_by}",
        "instance": "",
    }
