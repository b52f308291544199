"""What runs share: the session of an execution, the run of a workflow, the strand of a line of control."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from caseway_runner.errors import LimitExceeded, fault
from caseway_runner.moments import stamp, time_descriptor
from caseway_runner.outcome import TaskRecord
from caseway_runner.parking import Parking
from caseway_runner.ports import EventLog, Execution, Mailbox, Ports
from caseway_runner.program import Program
from caseway_runner.recorder import Recorder
from caseway_runner.sandbox import Bounds
from caseway_runner.shape import Shape

if TYPE_CHECKING:
    from caseway_runner.http_client import HttpClient


class Unfinished(Protocol):
    """The place of a task that still runs, among the records."""

    def record(self) -> TaskRecord: ...


class Doomed(Exception):
    """A task that would start, but an earlier run shows that it was cut off: it is cancelled instead."""


@dataclass(slots=True)
class Session:
    """What one execution shares with its sub-workflows: ports, journal, records and budgets; `consumed` are
    the positions of the `listen` tasks that took each event, by its number; `is_partial` says that the task
    at `until` has ended, and with it the run."""

    execution: Execution
    ports: Ports
    recorder: Recorder
    http: HttpClient
    compile: Callable[[Any], Program]
    records: list[TaskRecord | Unfinished] = field(default_factory=list)
    bounds: Bounds = field(default_factory=Bounds)
    activations: int = 0
    background: set[asyncio.Task[Any]] = field(default_factory=set)
    parking: Parking = field(init=False)
    mailbox: Mailbox = field(init=False)
    consumed: dict[int, list[str]] | None = None
    shapes: dict[str, Shape] = field(default_factory=dict)
    pins: Mapping[str, Any] = field(init=False)
    until: str = field(init=False)
    is_partial: bool = False

    def __post_init__(self) -> None:
        self.parking = Parking(self.ports)
        self.pins, self.until = self.ports.pins, self.ports.until
        events = self.ports.events
        self.mailbox = self.ports.mailbox or (events if isinstance(events, Mailbox) else EventLog())

    def now(self) -> str:
        """The clock's time."""
        return stamp(self.ports.clock.now())

    def limit_to(self, rerun: Mapping[str, Any]) -> None:
        """Do as the journal says that this execution shall: outputs pinned, only up to a task."""
        self.pins = {**rerun["pins"], **self.pins}
        self.until = self.until or rerun["until"]

    def is_over_at(self, reference: str) -> bool:
        """Whether a partial run ends, now that the task at `reference` has."""
        if self.until and reference == self.until:
            self.is_partial = True
        return self.is_partial

    def count_activation(self) -> None:
        """Take one activation from the budget."""
        self.activations += 1
        limit = self.ports.policy.limits.activations
        if self.activations > limit:
            raise LimitExceeded(f"more than {limit} task activations")


@dataclass(slots=True)
class Run:
    """One workflow being run. `context` cells hang on strands, see Strand."""

    session: Session
    program: Program
    raw_input: Any
    started_at: str
    depth: int
    position: str = ""
    reference: str = ""

    def secret(self, name: str) -> Any:
        """The value of a declared secret; an authorization fault when there is none."""
        if name in self.program.secrets:
            try:
                return self.session.ports.secrets(name)
            except KeyError:
                pass
        raise fault("authorization", f"there is no secret '{name}' for this workflow")

    def descriptor(self) -> dict[str, Any]:
        """`$workflow`."""
        return {
            "id": self.session.execution.id,
            "definition": self.program.document,
            "input": self.raw_input,
            "startedAt": time_descriptor(self.started_at),
        }


@dataclass(slots=True)
class Strand:
    """One line of control. Branches of a fork each get their own, so that parallel exports to the context
    cannot depend on timing. `deadline` is the nearest timeout, `doom` what to raise instead of starting
    anything new; `on_end` hears, in the turn in which it is noted, of each task of the strand that ended: its
    position, and whether it faulted."""

    context: Any
    deadline: datetime | None = None
    own_doom: Exception | None = None
    outer: Strand | None = None
    on_end: Callable[[str, bool], None] | None = None

    @property
    def doom(self) -> Exception | None:
        """Its own or that of a strand it came from: a branch that lost takes all within it along."""
        if self.own_doom is None and self.outer is not None:
            return self.outer.doom
        return self.own_doom

    @doom.setter
    def doom(self, doom: Exception | None) -> None:
        self.own_doom = doom
