"""Builders for the runner's tests: documents, a virtual clock, journals that can be cut, and runs."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from caseway_runner import (
    Arrival,
    Entry,
    Execution,
    MemoryJournal,
    Outcome,
    Policy,
    Ports,
    compile_workflow,
    execute,
)

ERRORS = "https://serverlessworkflow.io/spec/1.0.0/errors/"


def a_workflow(*tasks: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A document with these tasks, each a one-key object."""
    name = parts.pop("name", "example")
    return {
        "document": {"dsl": "1.0.3", "namespace": "tests", "name": name, "version": "1.0.0"},
        "do": list(tasks),
        **parts,
    }


class VirtualClock:
    """Time that passes only when everybody sleeps: then it jumps to the first who wants to wake."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.slept: list[float] = []
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._ticking = False

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        wake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.time + timedelta(seconds=seconds), len(self.slept), wake))
        if not self._ticking:
            self._ticking = True
            self._ticker = asyncio.ensure_future(self._tick())
        await wake

    async def _tick(self) -> None:
        while self._sleepers:
            for _ in range(50):  # let everything that can go on without time go on
                await asyncio.sleep(0)
            at, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                self.time = max(self.time, at)
                wake.set_result(None)
        self._ticking = False


class TimedMailbox:
    """A mailbox whose events come at seconds of a clock."""

    def __init__(self, clock: VirtualClock, events: Sequence[tuple[float, dict[str, Any]]]) -> None:
        self.clock, self.start = clock, VirtualClock().time
        self.events = events

    async def after(self, number: int, /) -> list[Arrival]:
        passed = (self.clock.now() - self.start).total_seconds()
        come = [at for at, (seconds, _) in enumerate(self.events) if seconds <= passed]
        return [Arrival(at + 1, self.events[at][1]) for at in come if at >= number]

    async def arrival(self, number: int, /) -> None:
        if number >= len(self.events):
            await asyncio.get_running_loop().create_future()
        passed = (self.clock.now() - self.start).total_seconds()
        await self.clock.sleep(max(0.0, self.events[number][0] - passed))


def server(handler: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
    """A stand-in for the network."""
    return httpx.MockTransport(handler)


def run(
    document: dict[str, Any], input: Any = None, *, id: str = "run-1", depth: int = 0, **ports: Any
) -> Outcome:
    """Compile and execute; the clock is virtual unless given."""
    ports.setdefault("clock", VirtualClock())
    program = compile_workflow(document)
    return asyncio.run(execute(program, input, Execution(id, depth), Ports(**ports)))


def processes_allowed() -> Policy:
    """A policy under which shell and script tasks may run."""
    return Policy(processes=True)


def names(outcome: Outcome) -> list[str]:
    """Names of the tasks in the order they started."""
    return [task.name for task in outcome.tasks]


def journal_of(entries: Sequence[Entry]) -> MemoryJournal:
    """A journal with these entries."""
    return MemoryJournal(entries)


def setting(name: str, value: Any, **more: Any) -> dict[str, Any]:
    """A `set` task."""
    return {name: {"set": value, **more}}


def raising(
    name: str, status: int = 400, kind: str = "https://example.com/bad", **more: Any
) -> dict[str, Any]:
    """A `raise` task."""
    return {name: {"raise": {"error": {"type": kind, "status": status}}, **more}}


def getting(name: str, url: str, **more: Any) -> dict[str, Any]:
    """A `call: http` GET task."""
    return {name: {"call": "http", "with": {"method": "get", "endpoint": url}, **more}}
