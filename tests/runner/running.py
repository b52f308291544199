"""Builders for the runner's tests: documents, a virtual clock, journals that can be cut, and runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from caseway_runner import (
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
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)
        await asyncio.sleep(0)


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
