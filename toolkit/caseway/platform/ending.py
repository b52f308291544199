"""How claimed executions stand after their runs: ended, or waiting for what wakes them.

The one rule: recorded once, under the claim's token, together with the last of the journal and the tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from caseway.model.errors import CasewayError
from caseway.model.states import EXECUTION, ExecutionStatus, move
from caseway.platform import artifacts, prepared, trail
from caseway.platform.bundle import Platform
from caseway.platform.claims import ENDED, lost
from caseway.platform.held import Claim, Progress
from caseway.platform.statements import Raw, raw
from caseway.platform.tables import instant, to_text

if TYPE_CHECKING:
    from caseway_runner import Outcome


@dataclass(frozen=True, slots=True)
class Ended:
    """A claimed execution, its outcome, and how far its journal got."""

    held: Claim
    outcome: Outcome
    progress: Progress

    @property
    def is_over(self) -> bool:
        """Whether nothing follows."""
        return self.outcome.status.value in ENDED


def finish(platform: Platform, held: Claim, outcome: Outcome) -> None:
    """Record how it ended (or that it waits), once. Raises `CasewayError` (`claim-lost`)."""
    with platform.database.writing() as connection:
        (refused,) = end(raw(connection), [Ended(held, outcome, Progress())], platform.clock())
        if refused is not None:
            raise refused


def end(connection: Raw, ended: Sequence[Ended], now: datetime) -> list[CasewayError | None]:
    """As `finish` for each of them; the error where the claim was lost and nothing is recorded."""
    claims = prepared.claims_of(connection, sorted({one.held.execution_id for one in ended}))
    refused = [_refusal(one, claims) for one in ended]
    mine = [one for one, error in zip(ended, refused, strict=True) if error is None]
    over = [one for one in mine if one.is_over]
    endings = [_ending(one, now) for one in over]
    artifacts.shorten(connection, endings)
    prepared.end_executions(connection, endings)
    prepared.halt_executions(connection, [_status(one) for one in mine if not one.is_over])
    prepared.forget_sleepers(connection, [{"ended": one.held.execution_id} for one in mine])
    prepared.insert_sleepers(connection, [_sleeper(one) for one in mine if one.outcome.waiting is not None])
    _keep_trail(connection, mine)
    prepared.close_tasks(
        connection, [trail.closing(one.held.execution_id, one.outcome.status, now) for one in over]
    )
    return refused


def _keep_trail(connection: Raw, ended: Sequence[Ended]) -> None:
    entries: list[dict[str, Any]] = []
    tasks: list[dict[str, Any]] = []
    for one in ended:
        if one.progress.last or one.outcome.tasks:
            execution_id = one.held.execution_id
            first_entry, first_task = one.progress.numbers or trail.next_numbers(connection, execution_id)
            entries += trail.entry_rows(execution_id, one.progress.last, first_entry)
            tasks += trail.task_rows(execution_id, one.outcome.tasks, first_task)
    artifacts.store(connection, entries, tasks)


def _refusal(one: Ended, claims: dict[str, tuple[int, str]]) -> CasewayError | None:
    token, status = claims.get(one.held.execution_id, (0, ""))
    if token != one.held.token or status != ExecutionStatus.RUNNING:
        return lost(one.held)
    move(EXECUTION, ExecutionStatus.RUNNING, ExecutionStatus(one.outcome.status.value))
    return None


def _status(one: Ended) -> dict[str, Any]:
    outcome = one.outcome
    return {"ended": one.held.execution_id, "status": outcome.status.value, "reason": outcome.reason}


def _ending(one: Ended, now: datetime) -> dict[str, Any]:
    output, error = one.outcome.output, one.outcome.error
    return {
        **_status(one),
        "result": None if output is None else to_text(output),
        "error": None if error is None else to_text(dict(error.as_json())),
        "failed_task": error.instance if error is not None else "",
        "ended_at": instant(now),
    }


def _sleeper(one: Ended) -> dict[str, Any]:
    waiting = one.outcome.waiting
    assert waiting is not None
    return {
        "execution_id": one.held.execution_id,
        "organization": one.held.organization,
        "until": None if waiting.until is None else instant(waiting.until),
        "filters": to_text([dict(item) for item in waiting.filters]),
        "listens": bool(waiting.filters),
        "seen": waiting.seen,
    }
