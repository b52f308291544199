"""Containers that wait for work, by the deployment that they belong to.

Rule: one place never gets what another has used; what is not alive, not clean or not wanted any more is
closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from caseway.containers.container import RunnerContainer
from caseway.containers.job import Place
from caseway.model.errors import CasewayError

Open = Callable[[Place], Awaitable[RunnerContainer]]


@dataclass(frozen=True, slots=True)
class _Idle:
    container: RunnerContainer
    since: datetime


@dataclass(slots=True)
class WarmPool:
    """`open` makes a container of a place, `close` begins to remove one. Nothing here starts by itself:
    whoever has the pool calls `tend` from time to time."""

    open: Open
    close: Callable[[RunnerContainer], None]
    clock: Callable[[], datetime]
    _idle: dict[Place, list[_Idle]] = field(default_factory=dict)

    def take(self, place: Place) -> RunnerContainer | None:
        """The one that was used last, of those that are alive; None when there is none."""
        waiting = self._idle.get(place, [])
        while waiting:
            idle = waiting.pop()
            if not idle.container.is_ended:
                return idle.container
            self.close(idle.container)
        return None

    async def give(self, place: Place, container: RunnerContainer) -> None:
        """Keep it for the next execution, if it is clean and there is room; else it is closed."""
        if place.warmth.keeps_any and await container.is_reusable():
            self._keep(place, container)
        else:
            self.close(container)

    async def tend(self, wanted: Iterable[Place] = ()) -> list[CasewayError]:
        """Close what waited too long, and have as many ready as `wanted` places ask for; what went wrong."""
        now = self.clock()
        for place in list(self._idle):
            self._expire(place, now)
        missing = [
            place
            for place in dict.fromkeys(wanted)
            for _ in range(place.warmth.least_at(now) - len(self._idle.get(place, ())))
        ]
        opened = await asyncio.gather(*(self._ready(place) for place in missing), return_exceptions=True)
        return [error for error in opened if isinstance(error, CasewayError)]

    def deployments(self) -> set[str]:
        """The deployments of which any wait."""
        return {place.deployment for place in self._idle}

    def dismiss(self, deployments: Container[str]) -> None:
        """Close all that wait for work of these deployments: there will be none."""
        for place in [each for each in self._idle if each.deployment in deployments]:
            for idle in self._idle.pop(place):
                self.close(idle.container)

    def waiting(self, place: Place) -> int:
        """How many wait for work of that place."""
        return len(self._idle.get(place, ()))

    def drop(self) -> None:
        """Close all that wait."""
        for waiting in self._idle.values():
            for idle in waiting:
                self.close(idle.container)
        self._idle.clear()

    def _expire(self, place: Place, now: datetime) -> None:
        waiting = self._idle[place]
        least = place.warmth.least_at(now)
        for idle in list(waiting):
            is_stale = (now - idle.since).total_seconds() >= place.warmth.idle_seconds
            if idle.container.is_ended or (is_stale and len(waiting) > least):
                waiting.remove(idle)
                self.close(idle.container)
        if not waiting:
            del self._idle[place]

    async def _ready(self, place: Place) -> None:
        self._keep(place, await self.open(place))

    def _keep(self, place: Place, container: RunnerContainer) -> None:
        """Let it wait, if there is room by now: others came back while it was made, or looked at."""
        waiting = self._idle.setdefault(place, [])
        if len(waiting) < place.warmth.most:
            waiting.append(_Idle(container, self.clock()))
        else:
            self.close(container)
