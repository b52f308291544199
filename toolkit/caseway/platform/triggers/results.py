"""What callers may know of the executions they have started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.platform import aside
from caseway.platform.bundle import Platform
from caseway.platform.claims import ENDED
from caseway.platform.held import Claim
from caseway.platform.lookup import Row
from caseway.platform.tables import executions, instant

if TYPE_CHECKING:
    from caseway_runner import Outcome


@dataclass(frozen=True, slots=True)
class Result:
    """An execution as its caller sees it; times are RFC 3339 or ""."""

    id: str
    status: str
    reason: str
    workflow: str
    version: str
    trigger: str
    trigger_id: str
    output: Any
    error: Any
    created_at: str
    started_at: str
    ended_at: str

    @property
    def has_ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in ENDED

    def as_json(self) -> JsonObject:
        """As callers read it: `output` when it completed, `error` when it did not."""
        found: dict[str, Any] = {
            "id": self.id,
            "status": self.status,
            "reason": self.reason,
            "workflow": self.workflow,
            "version": self.version,
            "createdAt": self.created_at,
            "startedAt": self.started_at,
            "endedAt": self.ended_at,
        }
        if self.status == "completed":
            found["output"] = self.output
        if self.error is not None:
            found["error"] = self.error
        return found


def result_of(platform: Platform, instance_id: str, execution_id: str) -> Result | None:
    """One execution of an instance."""
    query = _RESULTS.where(executions.c.id == execution_id, executions.c.instance_id == instance_id)
    with platform.database.reading() as connection:
        row = connection.execute(query).one_or_none()
        return None if row is None else _result(connection, row)


def result_from(held: Claim, outcome: Outcome) -> Result:
    """The result of an execution of which no more than its outcome is at hand: no times, no trigger."""
    error = None if outcome.error is None else dict(outcome.error.as_json())
    known = {"id": held.execution_id, "workflow": held.workflow, "version": held.version}
    told = {"status": outcome.status.value, "reason": outcome.reason, "output": outcome.output}
    unknown = dict.fromkeys(("trigger", "trigger_id", *_TIMES), "")
    return Result(**known, **told, **unknown, error=error)


def ended_among(platform: Platform, ids: Sequence[str]) -> list[Result]:
    """Those of the executions that have ended."""
    with platform.database.reading() as connection:
        return [_result(connection, row) for row in connection.execute(_ENDED, {"ids": list(ids)}).all()]


_COLUMNS = ("id", "status", "reason", "workflow", "version", "trigger", "trigger_id", "result", "error")
_TIMES = ("created_at", "started_at", "ended_at")
_RESULTS = sa.select(*(executions.c[name] for name in (*_COLUMNS, *_TIMES)))
_ENDED = _RESULTS.where(
    executions.c.id.in_(sa.bindparam("ids", expanding=True)), executions.c.status.in_(ENDED)
)


def _result(connection: sa.Connection, row: Row) -> Result:
    times = {name: instant(value) if (value := getattr(row, name)) else "" for name in _TIMES}
    same = {name: getattr(row, name) for name in _COLUMNS if name != "result"}
    return Result(**same, output=aside.result_of(connection, row.id, row.result), **times)
