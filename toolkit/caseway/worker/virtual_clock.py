"""A clock for tests: it stands still while anything happens, and leaps to the next wake-up when all wait."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta

QUIET_ROUNDS = 50
QUIET_SECONDS = 0.002


class VirtualClock:
    """Time from `start`. A sleep ends, without waiting, once the event loop has been quiet for a moment."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._order = 0
        self._sleepers: list[tuple[datetime, int]] = []

    @property
    def is_slept_on(self) -> bool:
        """Whether somebody sleeps, so that time will go on."""
        return bool(self._sleepers)

    def now(self) -> datetime:
        """The virtual time."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return when virtual time has reached now + `seconds`; the earliest sleeper moves it there."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        self._order += 1
        mine = (self._now + timedelta(seconds=seconds), self._order)
        heapq.heappush(self._sleepers, mine)
        try:
            while self._now < mine[0]:
                await self._quiet()
                if self._sleepers[0] == mine and self._now < mine[0]:
                    self._now = mine[0]
        finally:
            self._sleepers.remove(mine)
            heapq.heapify(self._sleepers)

    async def _quiet(self) -> None:
        """Let others run: many turns of the loop, and a moment for threads and subprocesses."""
        for _ in range(QUIET_ROUNDS):
            await asyncio.sleep(0)
        await asyncio.sleep(QUIET_SECONDS)
