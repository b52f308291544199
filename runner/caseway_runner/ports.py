"""The small protocols through which the interpreter meets the world."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from caseway_runner.journal import Journal, MemoryJournal
from caseway_runner.policy import Policy

if TYPE_CHECKING:
    import httpx

    from caseway_runner.approvals import Approvals
    from caseway_runner.containers import Containers
    from caseway_runner.lines import Line
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


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event that came for an execution. Numbers rise in the order of arrival, from 1."""

    number: int
    event: Mapping[str, Any]


@runtime_checkable
class Mailbox(Protocol):
    """The events that came for an execution since it was created. They stay: what a `listen` consumed is in
    the journal. `after` gives the next few later than a number, `arrival` returns when there is one."""

    async def after(self, number: int, /) -> Sequence[Arrival]: ...

    async def arrival(self, number: int, /) -> None: ...


class EventLog:
    """Keeps published events in a list, which is a mailbox too: for local runs and tests."""

    def __init__(self) -> None:
        self.events: list[Mapping[str, Any]] = []
        self._waiters: set[asyncio.Future[None]] = set()

    async def publish(self, event: Mapping[str, Any]) -> None:
        """Keep `event`."""
        self.events.append(event)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for an event that has not come."""
        return bool(self._waiters)

    async def after(self, number: int, /) -> Sequence[Arrival]:
        """The events later than that."""
        return [Arrival(number + 1 + at, event) for at, event in enumerate(self.events[number:])]

    async def arrival(self, number: int, /) -> None:
        """Return when there is one later than that."""
        while len(self.events) <= number:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)


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
    """Everything an execution needs from outside. `on_task` hears of every task record as it changes,
    `on_line` of every line that a task's process writes;
    setting `cancel` ends the execution as cancelled. `can_sleep` says that the caller keeps executions that
    wait and runs them again when what they wait for has come. Without a `mailbox`, `events` is one if it can
    be: events that the execution emits come back to it. `lifecycle` hears, as CloudEvents, what becomes of
    the workflow and its tasks. Without `containers` a `run: container` faults, without `approvals` an
    approval does. `pins` are outputs of tasks, by reference, that are taken instead of running them; the
    execution ends as completed, with the reason `partial`, when the task at `until` has."""

    journal: Journal = field(default_factory=MemoryJournal)
    clock: Clock = field(default_factory=SystemClock)
    secrets: SecretSource = _no_secret
    workflows: WorkflowSource = _no_workflow
    policy: Policy = field(default_factory=Policy)
    http_transport: httpx.AsyncBaseTransport | None = None
    stub: Stub | None = None
    on_task: Callable[[TaskRecord], None] | None = None
    on_line: Callable[[Line], None] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    events: EventBus = field(default_factory=EventLog)
    cancel: asyncio.Event | None = None
    random: Callable[[], float] = random.random
    files: FileSource = _no_file
    mailbox: Mailbox | None = None
    can_sleep: bool = False
    lifecycle: EventBus | None = None
    containers: Containers | None = None
    approvals: Approvals | None = None
    pins: Mapping[str, Any] = field(default_factory=dict)
    until: str = ""
