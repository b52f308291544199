"""One run of one task: what a task's body uses to evaluate, to note, to wait and to be stubbed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from caseway_runner.arguments import evaluate
from caseway_runner.duration import parse_duration
from caseway_runner.errors import Fault, fault
from caseway_runner.expression import Expression
from caseway_runner.journal import Entry
from caseway_runner.lines import Line
from caseway_runner.moments import moment, stamp, time_descriptor
from caseway_runner.outcome import Waiting
from caseway_runner.ports import StubCall
from caseway_runner.program import Task
from caseway_runner.session import Run, Strand
from caseway_runner.template import Template


@dataclass(slots=True)
class Activation:
    """One run of one task. `then` may be set by the body to direct the flow, `chosen` is the case that did;
    `has_ended` says that a nested task ended the workflow; `attempts` counts tries."""

    run: Run
    task: Task
    strand: Strand
    reference: str
    position: str
    raw_input: Any
    variables: Mapping[str, Any]
    started_at: str = ""
    input: Any = None
    output: Any = None
    authorization: Any = None
    then: str = ""
    chosen: str = ""
    has_ended: bool = False
    attempts: int = 1
    ended_at: str = ""
    is_waiting: Callable[[bool], None] | None = None

    def descriptor(self) -> dict[str, Any]:
        """`$task`."""
        return {
            "name": self.task.name,
            "reference": self.reference,
            "definition": self.task.definition,
            "input": self.raw_input,
            "output": self.output,
            "startedAt": time_descriptor(self.started_at),
        }

    @property
    def key(self) -> str:
        """The idempotency key: the same for this activation in every run of the execution."""
        return f"{self.run.session.execution.id}:{self.position}"

    def hear(self, stream: str, text: str) -> None:
        """Tell whoever listens of a line that the task's process wrote."""
        listener = self.run.session.ports.on_line
        if listener is not None:
            listener(Line(self.position, self.reference, stream, text))

    def evaluate(self, expression: Expression, **extra: Any) -> Coroutine[Any, Any, Any]:
        """The value of `expression` on the task's input; `extra` are more arguments."""
        return evaluate(self.run, self.strand, self, expression, self.input, extra)

    def evaluate_on(self, expression: Expression, value: Any, **extra: Any) -> Coroutine[Any, Any, Any]:
        """The value of `expression` on `value`."""
        return evaluate(self.run, self.strand, self, expression, value, extra)

    async def fill(self, template: Template, **extra: Any) -> Any:
        """The value of `template` on the task's input."""
        if template.is_constant:
            return template.node
        return await template.fill(lambda expression: self.evaluate_on(expression, self.input, **extra))

    async def is_true(self, expression: Expression, **extra: Any) -> bool:
        """Whether a condition holds, in jq's sense: everything but false and null is true."""
        value = await self.evaluate(expression, **extra)
        return value is not None and value is not False

    async def seconds(self, length: float | Expression, **extra: Any) -> float:
        """The length of time that `length` stands for."""
        if isinstance(length, float):
            return length
        value = await self.evaluate(length, **extra)
        try:
            return parse_duration(value)
        except ValueError as error:
            raise fault("expression", str(error)) from error

    def note(self, kind: str, data: Any = None, *, suffix: str = "") -> str:
        """Put an entry into the journal and give its time; it is durable after the next effect or `flush`."""
        session = self.run.session
        at = session.now()
        session.recorder.note(Entry(self.position + suffix, kind, at, data))
        return at

    def noted(self, kind: str, *, suffix: str = "") -> Entry | None:
        """What an earlier run noted for this activation."""
        return self.run.session.recorder.noted(self.position + suffix, kind)

    def flush(self) -> Coroutine[Any, Any, None]:
        """Make the journal durable up to here."""
        return self.run.session.recorder.flush()

    async def sleep_until(self, wake_at: str) -> None:
        """Wait until a moment, but no longer than the nearest timeout."""
        if self.strand.doom is not None:
            return  # a replay: what follows was recorded, or is refused when it would start
        session = self.run.session
        until, deadline = moment(wake_at), self.strand.deadline
        nearest = until if deadline is None else min(until, deadline)
        left = self._left(nearest)
        if left > 0:  # what is due needs no clock: after a wake-up this is the usual case
            with session.parking.parked(Waiting(nearest)):
                await session.ports.clock.sleep(left)
        if nearest < until:
            raise TimeoutError  # the owner of the deadline turns this into its timeout fault

    async def event_after(self, number: int, filters: Sequence[Mapping[str, Any]]) -> None:
        """Wait until the mailbox has events later than `number`, but no longer than the nearest timeout.
        `filters` are the attributes of those that would be of use."""
        mailbox = self.run.session.mailbox
        await self._first(lambda: mailbox.arrival(number), None, tuple(filters), number)

    async def happened(self, awaited: Callable[[], Coroutine[Any, Any, None]], until: datetime) -> None:
        """Wait until what is awaited returns, or `until`, but no longer than the nearest timeout."""
        await self._first(awaited, until)

    async def _first(
        self,
        awaited: Callable[[], Coroutine[Any, Any, None]],
        until: datetime | None,
        filters: tuple[Mapping[str, Any], ...] = (),
        seen: int = 0,
    ) -> None:
        """Wait for whatever comes first; raises TimeoutError when it is a timeout."""
        if self.strand.doom is not None:
            raise self.strand.doom
        session, deadline = self.run.session, self.strand.deadline
        moments = [one for one in (until, deadline) if one is not None]
        nearest = min(moments, default=None)
        if until is not None and until == nearest and self._left(until) == 0:
            return  # what is due needs no clock
        arrival = asyncio.ensure_future(awaited())
        waits: set[asyncio.Future[None]] = {arrival}
        if nearest is not None:
            waits.add(asyncio.ensure_future(session.ports.clock.sleep(self._left(nearest))))
        try:
            with session.parking.parked(Waiting(nearest, filters, seen)):
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if arrival.done():
                arrival.result()
            elif until is None or nearest != until:
                raise TimeoutError
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _left(self, until: datetime) -> float:
        return max(0.0, (until - self.run.session.ports.clock.now()).total_seconds())

    def moment_after(self, seconds: float) -> str:
        """The moment `seconds` from now."""
        return stamp(self.run.session.ports.clock.now() + timedelta(seconds=seconds))

    def stubbed(self, kind: str, arguments: Mapping[str, Any]) -> tuple[bool, Any]:
        """Whether a stub answers this effect, and with what. Raises the Fault a stub asks for."""
        stub = self.run.session.ports.stub
        if stub is None:
            return False, None
        answer = stub(StubCall(self.reference, self.task.name, kind, arguments))
        if answer is None:
            return False, None
        if answer.error is not None:
            raise Fault(answer.error)
        return True, answer.output
