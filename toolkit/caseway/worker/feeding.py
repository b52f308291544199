"""The events of a WorkflowTest: they reach the execution at their moments, on a clock that leaps.

Rule: when nothing more can come, who still waits is told so; a test never hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import caseway_runner as runner
from caseway.model.quantities import seconds
from caseway.worker.virtual_clock import VirtualClock

STARVED = "starved"  # the reason of an execution that waits for an event which does not come
_QUIET = 0.05  # real seconds between two looks whether anything can still happen
_LOOKS = 10  # so often nothing happened, and a process that a task started has had its time too
SOURCE = "urn:caseway:test"


@dataclass(slots=True)
class Feed:
    """Events for one execution: `given` as the test lists them. What the execution emits comes back to it."""

    given: Sequence[Mapping[str, Any]]
    clock: VirtualClock
    log: runner.EventLog = field(default_factory=runner.EventLog)
    cancel: asyncio.Event = field(default_factory=asyncio.Event)
    _fed: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def emitted(self) -> list[Mapping[str, Any]]:
        """What the execution has emitted, in order."""
        return [event for event in self.log.events if not any(event is one for one in self._fed)]

    async def around(self, work: asyncio.Task[runner.Outcome]) -> runner.Outcome:
        """The outcome of `work`, which hears of the events meanwhile; `waiting` when it would never end."""
        feeding = asyncio.create_task(self._deliver())
        watching = asyncio.create_task(self._watch(feeding))
        try:
            outcome = await work
        finally:
            for task in (feeding, watching):
                task.cancel()
            await asyncio.gather(feeding, watching, return_exceptions=True)
        if self.cancel.is_set() and outcome.status is runner.Status.CANCELLED:
            return replace(outcome, status=runner.Status.WAITING, reason=STARVED)
        return outcome

    async def begin(self) -> None:
        """Deliver what is there from the beginning."""
        for at, event in self._timed():
            if at == 0:
                await self._publish(event)

    async def _deliver(self) -> None:
        passed = 0.0
        for at, event in self._timed():
            if at > 0:
                await self.clock.sleep(at - passed)
                passed = at
                await self._publish(event)

    async def _publish(self, event: Mapping[str, Any]) -> None:
        self._fed.append({"time": self.clock.now().isoformat(), **event})
        await self.log.publish(self._fed[-1])

    def _timed(self) -> list[tuple[float, dict[str, Any]]]:
        """When each event comes, in seconds from the start, earliest first."""
        found = []
        for number, given in enumerate(self.given, 1):
            event = {"specversion": "1.0", "id": f"event-{number}", "source": SOURCE, **given}
            found.append((seconds(str(event.pop("after", "0s"))), event))
        return sorted(found, key=lambda pair: pair[0])

    async def _watch(self, feeding: asyncio.Task[None]) -> None:
        """Cancel the execution once it waits for events, none is to come, and nobody sleeps."""
        still = 0
        while still < _LOOKS:
            await asyncio.sleep(_QUIET)
            is_starving = feeding.done() and self.log.is_awaited and not self.clock.is_slept_on
            still = still + 1 if is_starving else 0
        self.cancel.set()
