"""What the function `approval` asks of whoever keeps approvals: to hold a request until somebody decides.

Rule: of a decision and a deadline exactly one counts, and the keeper says which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What a person is asked. `key` is stable across resumes; `position` is that of the task. Without
    `approvers` whoever may steer the execution decides. `schema` is a JSON Schema of the decision's data.
    `announces` wants an event with the token."""

    key: str
    execution: str
    position: str
    reference: str
    title: str
    message: str = ""
    data: Any = None
    approvers: tuple[str, ...] = ()
    schema: Any = None
    deadline: datetime | None = None
    announces: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, by whom and when (RFC 3339). `is_late` says that the deadline decided."""

    is_approved: bool
    data: Any = None
    by: str = ""
    at: str = ""
    comment: str = ""
    is_late: bool = False

    def as_json(self) -> Mapping[str, Any]:
        """The decision as the function's output."""
        return {
            "decision": "approved" if self.is_approved else "rejected",
            "data": self.data,
            "by": self.by,
            "at": self.at,
            "comment": self.comment,
            "timedOut": self.is_late,
        }


class NobodyDecides(Exception):
    """A request that would wait in vain; the message says how somebody could decide."""


class Approvals(Protocol):
    """Who keeps approvals. `request` with a key that is known changes nothing; it may raise NobodyDecides.
    `decided` returns when there is a decision. `expire` closes the request unless it is decided, and gives
    the decision that counts: `late` when nobody was quicker."""

    async def request(self, asked: ApprovalRequest, /) -> None: ...

    async def decision(self, key: str, /) -> Decision | None: ...

    async def decided(self, key: str, /) -> None: ...

    async def expire(self, key: str, late: Decision, /) -> Decision: ...
