"""What one can ask a platform through, in this process or over HTTP: the same calls, answers and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from caseway.model.desired import Desired
    from caseway.model.plan import Plan
    from caseway.platform.apply import ApplyReport, Progress

Listener = Callable[["Progress"], None]
PAGE = 1000  # items asked for at once when all are wanted


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How to plan: for which stage only, whether what is no longer declared goes, past the guard or not.
    `use_cases` are all there is in the desired state: what the platform has of others is not looked at."""

    stage: str = ""
    prune: bool = False
    allow_mass_delete: bool = False
    use_cases: tuple[str, ...] = ()


class Client(Protocol):
    """A platform, wherever it is. Every method raises `CasewayError`."""

    def call(self, operation: str, /, **arguments: Any) -> dict[str, Any]:
        """The answer of an operation; arguments by their Python names, None for what is not said."""

    def stream(self, operation: str, /, **arguments: Any) -> Iterator[dict[str, Any]]:
        """The events of a streaming operation as they come, until its end; each with its `event` kind."""

    def plan(self, desired: Desired, options: PlanOptions) -> Plan:
        """What would have to be done; nothing is changed. Good as long as the client is open."""

    def apply(self, plan: Plan, on_progress: Listener) -> ApplyReport:
        """Carry out a plan that this platform made."""


def every(client: Client, operation: str, /, **arguments: Any) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = client.call(operation, **arguments, limit=PAGE, cursor=cursor)
        found += page["items"]
        cursor = page["nextCursor"]
        if not cursor:
            return found
