"""What an execution leaves behind: status, output or error, and a record per task activation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Status phases of workflows and tasks (dsl.md, Status Phases), plus `suspended`."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    FAULTED = "faulted"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class WorkflowError:
    """An error as the DSL describes it, after RFC 7807. `instance` is the JSON Pointer of the task."""

    type: str
    status: int
    title: str = ""
    detail: str = ""
    instance: str = ""

    def as_json(self) -> Mapping[str, Any]:
        """The error as a JSON object with all five members."""
        return {
            "type": self.type,
            "status": self.status,
            "title": self.title,
            "detail": self.detail,
            "instance": self.instance,
        }


# Nobody changes it, but it is not frozen: that would take four times as long to make, for each task twice.
@dataclass(slots=True, unsafe_hash=True)
class TaskRecord:
    """One activation of one task. `reference` is its JSON Pointer (`/do/2/notify`); `position` makes it
    unique within the execution (iterations, retries); `parent` is the position of the enclosing task.
    Times are RFC 3339 in UTC, `ended_at` "" while it runs. `input` is the transformed one; None of a
    task that ended in an earlier run and transformed its input then."""

    reference: str
    name: str
    kind: str
    status: Status
    started_at: str
    ended_at: str = ""
    attempts: int = 1
    position: str = ""
    parent: str = ""
    reason: str = ""
    output: Any = None
    error: WorkflowError | None = None
    input: Any = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a sleeping execution waits for: the moment `until`, or an event that has all attributes of one of
    `filters`, whichever comes first. Events up to the number `seen` were looked at already. Filters name
    fixed attributes only: an event that has them may turn out not to be the right one."""

    until: datetime | None = None
    filters: tuple[Mapping[str, Any], ...] = ()
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an execution stands when `execute` returns. `tasks` in the order they started; `waiting` says what
    wakes one whose status is `waiting`."""

    id: str
    status: Status
    output: Any = None
    error: WorkflowError | None = None
    reason: str = ""
    tasks: tuple[TaskRecord, ...] = field(default=())
    waiting: Waiting | None = None
