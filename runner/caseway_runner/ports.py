"""The small protocols through which the interpreter meets the world."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from caseway_runner.journal import Journal, MemoryJournal
from caseway_runner.policy import Policy

if TYPE_CHECKING:
    import httpx

    from caseway_runner.outcome import TaskRecord, WorkflowError


class Clock(Protocol):
    """Time, so that tests never sleep."""

    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        await asyncio.sleep(seconds)


class SecretSource(Protocol):
    """Gives a secret's value (any JSON) at the moment it is needed; raises KeyError when there is none."""

    def __call__(self, name: str, /) -> Any: ...


class WorkflowSource(Protocol):
    """Gives the document of a sub-workflow; raises KeyError when there is none."""

    def __call__(self, namespace: str, name: str, version: str, /) -> Mapping[str, Any]: ...


class FileSource(Protocol):
    """Gives the content of a file that the document refers to as `file://<path>`; raises KeyError when
    there is none. Paths are relative, without `..`."""

    def __call__(self, path: str, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class StubCall:
    """An effect about to happen: the task's `reference` and `name`, its `kind` (`http`, `grpc`, `asyncapi`,
    `mcp`, `a2a`, `shell`, `script`, `container`, `workflow`, …) and the evaluated arguments."""

    reference: str
    name: str
    kind: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StubAnswer:
    """What the effect returns instead: `output`, or an `error` to raise."""

    output: Any = None
    error: WorkflowError | None = None


class Stub(Protocol):
    """Replaces the border in tests: an answer, or None to let the real effect happen."""

    def __call__(self, call: StubCall, /) -> StubAnswer | None: ...


class EventBus(Protocol):
    """Where CloudEvents of `emit` tasks go; returns when the event is accepted."""

    async def publish(self, event: Mapping[str, Any]) -> None: ...


class EventLog:
    """Keeps published events in a list: for local runs and tests."""

    def __init__(self) -> None:
        self.events: list[Mapping[str, Any]] = []

    async def publish(self, event: Mapping[str, Any]) -> None:
        """Keep `event`."""
        self.events.append(event)


@dataclass(frozen=True, slots=True)
class Execution:
    """Who is running: `id` is stable across resumes; `depth` counts sub-workflow nesting."""

    id: str
    depth: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)


def _no_secret(name: str) -> Any:
    raise KeyError(name)


def _no_workflow(namespace: str, name: str, version: str) -> Mapping[str, Any]:
    raise KeyError(f"{namespace}/{name}:{version}")


def _no_file(path: str) -> bytes:
    raise KeyError(path)


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything an execution needs from outside. `on_task` hears of every task record as it changes;
    setting `cancel` ends the execution as cancelled."""

    journal: Journal = field(default_factory=MemoryJournal)
    clock: Clock = field(default_factory=SystemClock)
    secrets: SecretSource = _no_secret
    workflows: WorkflowSource = _no_workflow
    policy: Policy = field(default_factory=Policy)
    http_transport: httpx.AsyncBaseTransport | None = None
    stub: Stub | None = None
    on_task: Callable[[TaskRecord], None] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    events: EventBus = field(default_factory=EventLog)
    cancel: asyncio.Event | None = None
    random: Callable[[], float] = random.random
    files: FileSource = _no_file
