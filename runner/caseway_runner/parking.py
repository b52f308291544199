"""Knows when an execution has nothing to do but wait, so that it may sleep in the store instead of memory.

Rule: it sleeps only when every strand is parked, and nothing is due within the policy's `awake_seconds`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from caseway_runner.outcome import Waiting
from caseway_runner.ports import Ports

# Strands hand over to each other within a few turns of the loop; only after these is nobody working.
SETTLED_TURNS = 8


class Asleep(Exception):
    """The execution is to return; it is woken when what `waiting` names has come."""

    def __init__(self, waiting: Waiting) -> None:
        super().__init__("asleep")
        self.waiting = waiting


class Parking:
    """Counts the strands that work, and keeps what the others wait for."""

    def __init__(self, ports: Ports) -> None:
        self.asleep = asyncio.Event()
        self._ports = ports
        self._working = 1
        self._parked: dict[int, Waiting] = {}
        self._next = 0
        self._settling: asyncio.Task[None] | None = None

    @contextmanager
    def parked(self, waiting: Waiting) -> Iterator[None]:
        """While a strand waits for time or events."""
        self._next += 1
        key = self._next
        self._parked[key] = waiting
        try:
            with self.joining():
                yield
        finally:
            if not self.asleep.is_set():
                del self._parked[key]

    @contextmanager
    def joining(self) -> Iterator[None]:
        """While a strand waits for other strands."""
        self._working -= 1
        self._consider()
        try:
            yield
        finally:
            self._working += 1

    @contextmanager
    def working(self) -> Iterator[None]:
        """While one more strand works."""
        self._working += 1
        try:
            yield
        finally:
            self._working -= 1
            self._consider()

    def waiting(self) -> Waiting:
        """What the parked strands wait for, together."""
        moments = [item.until for item in self._parked.values() if item.until is not None]
        listening = [item for item in self._parked.values() if item.filters]
        return Waiting(
            until=min(moments, default=None),
            filters=tuple([one for item in listening for one in item.filters]),
            seen=min([item.seen for item in listening], default=0),
        )

    async def stop(self) -> None:
        """Consider nothing any more."""
        if self._settling is not None:
            self._settling.cancel()
            await asyncio.gather(self._settling, return_exceptions=True)

    def _consider(self) -> None:
        if not self._ports.can_sleep or self._working or not self._parked or self.asleep.is_set():
            return
        if self._settling is None or self._settling.done():
            self._settling = asyncio.ensure_future(self._settle())

    async def _settle(self) -> None:
        for _ in range(SETTLED_TURNS):
            await asyncio.sleep(0)
            if self._working or not self._parked:
                self._settling = None  # whoever parks next considers again
                return
        until = self.waiting().until
        if until is not None:
            left = (until - self._ports.clock.now()).total_seconds()
            if left <= self._ports.policy.limits.awake_seconds:
                return
        self.asleep.set()
