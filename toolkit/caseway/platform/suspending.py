"""Suspending executions by id: at once when nobody runs them, else when their worker hears of it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from caseway.model.states import EXECUTION, ExecutionStatus, move
from caseway.platform import trail
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.lease import is_dead
from caseway.platform.tables import executions, sleepers

SUSPENDING = "suspending"  # the reason of a running execution that is asked to halt


def suspend(platform: Platform, execution_id: str, *, actor: str) -> str:
    """Halt an execution until it is resumed; its status now. Raises `CasewayError` when it has ended."""
    now = platform.clock()
    with platform.database.writing() as connection:
        row = trail.the_execution(connection, execution_id)
        after = move(EXECUTION, ExecutionStatus(row.status), ExecutionStatus.SUSPENDED)
        is_held = row.claim_expires_at is not None and row.claim_expires_at > now
        is_held = is_held and not is_dead(row.claimed_by, platform.holder)
        values: dict[str, Any] = {"reason": SUSPENDING}
        if not is_held:
            values = {"status": after, "reason": "suspended", "claim_expires_at": None}
            values["claim_token"] = executions.c.claim_token + 1
            connection.execute(sa.delete(sleepers).where(sleepers.c.execution_id == execution_id))
        connection.execute(sa.update(executions).where(executions.c.id == execution_id).values(**values))
        note(connection, By(row.organization, actor, now), ("suspend", "execution", execution_id))
    return "running" if is_held else "suspended"
