"""A platform in this process, asked in the same words as one behind a server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from caseway.model.access import Caller
from caseway.model.errors import CasewayError
from caseway.operations.client import Listener, PlanOptions
from caseway.operations.fields import camel

if TYPE_CHECKING:
    from caseway.model.desired import Desired
    from caseway.model.engine_facts import AskEngine
    from caseway.model.plan import Plan
    from caseway.platform.apply import ApplyReport
    from caseway.platform.bundle import Platform

LOOK_SECONDS = 0.2  # between two looks of a stream that has nothing new


class LocalClient:
    """The platform `platform`, on behalf of `caller`."""

    def __init__(self, platform: Platform, caller: Caller) -> None:
        self.platform = platform
        self.caller = caller

    def call(self, operation: str, /, **arguments: Any) -> dict[str, Any]:
        """See `Client`."""
        answer: dict[str, Any] = self._perform(operation, arguments)
        return answer

    def stream(self, operation: str, /, **arguments: Any) -> Iterator[dict[str, Any]]:
        """See `Client`."""
        follow = self._perform(operation, arguments)
        after = ""
        while True:
            look = follow(after)
            for event in look.events:
                after = event.id
                yield {"event": event.kind, **event.data}
            if look.is_over:
                return
            if not look.events:
                time.sleep(LOOK_SECONDS)

    def plan(self, desired: Desired, options: PlanOptions) -> Plan:
        """See `Client`."""
        from caseway.operations.planning import planned  # noqa: PLC0415 - only who plans pays for it

        return planned(self.platform, desired, options)

    def apply(self, plan: Plan, on_progress: Listener) -> ApplyReport:
        """See `Client`."""
        from caseway.platform.apply import apply  # noqa: PLC0415 - only who applies pays for it

        if plan.id:
            raise CasewayError(
                "this plan was made by a server",
                code="plan-elsewhere",
                place=plan.project,
                hint="set CASEWAY_SERVER to that server, or plan again",
            )
        return apply(self.platform, plan, actor=self.caller.name, on_progress=on_progress)

    def _perform(self, operation: str, arguments: dict[str, Any]) -> Any:
        from caseway.operations.operation import Operating  # noqa: PLC0415 - plan and apply need no table
        from caseway.operations.perform import perform  # noqa: PLC0415 - plan and apply need no table
        from caseway.operations.table import the_operation  # noqa: PLC0415 - plan and apply need no table

        given = {camel(name): value for name, value in arguments.items() if value is not None}
        return perform(Operating(self.platform, self.caller), the_operation(operation), given)


class EmptyClient:
    """A platform that is not there yet: all that can be asked is what it would take to make everything."""

    def __init__(self, place: str, ask_engine: AskEngine) -> None:
        self.place = place
        self.ask_engine = ask_engine

    def call(self, _operation: str, /, **_arguments: Any) -> dict[str, Any]:
        """Nothing can be asked of it."""
        raise self._missing()

    def stream(self, _operation: str, /, **_arguments: Any) -> Iterator[dict[str, Any]]:
        """Nothing can be asked of it."""
        raise self._missing()

    def plan(self, desired: Desired, options: PlanOptions) -> Plan:
        """The plan that makes everything."""
        from caseway.operations.planning import planned  # noqa: PLC0415 - only who plans pays for it

        return planned(None, desired, options, self.ask_engine)

    def apply(self, _plan: Plan, _on_progress: Listener) -> ApplyReport:
        """Nothing can be applied to it."""
        raise self._missing()

    def _missing(self) -> CasewayError:
        return CasewayError(
            "there is no platform here yet",
            code="no-platform",
            place=self.place,
            hint="run 'caseway apply' first",
        )
