"""One run of one task, and the run it belongs to: what tasks use to evaluate, to wait, and to go deeper."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from caseway_runner.duration import parse_duration
from caseway_runner.errors import Fault, LimitExceeded, fault
from caseway_runner.expression import Expression, ExpressionError
from caseway_runner.journal import Entry
from caseway_runner.outcome import TaskRecord, WorkflowError
from caseway_runner.ports import Execution, Ports, StubCall
from caseway_runner.program import Program, Task
from caseway_runner.recorder import Recorder
from caseway_runner.sandbox import Bounds
from caseway_runner.template import Template

if TYPE_CHECKING:
    from caseway_runner.http_client import HttpClient

RUNTIME = {"name": "caseway", "version": "0.1.0", "metadata": {}}


class Doomed(Exception):
    """A task that would start, but an earlier run shows that it was cut off: it is cancelled instead."""


def stamp(moment: datetime) -> str:
    """`moment` as RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The moment that `stamp` wrote."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def time_descriptor(text: str) -> dict[str, Any]:
    """A time as the DSL's dateTimeDescriptor."""
    epoch = moment(text).timestamp()
    return {"iso8601": text, "epoch": {"seconds": int(epoch), "milliseconds": int(epoch * 1000)}}


@dataclass(slots=True)
class Session:
    """What one execution shares with its sub-workflows: ports, journal, records and budgets."""

    execution: Execution
    ports: Ports
    recorder: Recorder
    http: HttpClient
    compile: Callable[[Any], Program]
    records: list[TaskRecord] = field(default_factory=list)
    activations: int = 0
    background: set[asyncio.Task[Any]] = field(default_factory=set)

    def now(self) -> str:
        """The clock's time."""
        return stamp(self.ports.clock.now())

    def count_activation(self) -> None:
        """Take one activation from the budget."""
        self.activations += 1
        limit = self.ports.policy.limits.activations
        if self.activations > limit:
            raise LimitExceeded(f"more than {limit} task activations")

    def opened(self, record: TaskRecord) -> int:
        """Keep the record of a task that starts; gives its place."""
        self.records.append(record)
        self.tell(record)
        return len(self.records) - 1

    def tell(self, record: TaskRecord) -> None:
        """Report a record to the listener."""
        if self.ports.on_task is not None:
            self.ports.on_task(record)

    @property
    def bounds(self) -> Bounds:
        """How much time and memory an expression may take."""
        limits = self.ports.policy.limits
        return Bounds(limits.expression_seconds, limits.expression_bytes, limits.output_bytes)


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
    anything new."""

    context: Any
    deadline: datetime | None = None
    doom: Exception | None = None


class Arguments(Mapping[str, Any]):
    """The runtime expression arguments, each computed when an expression really uses it."""

    __slots__ = ("_activation", "_extra", "_run", "_secrets", "_strand")

    def __init__(
        self,
        run: Run,
        strand: Strand,
        activation: Activation | None,
        extra: Mapping[str, Any],
        secrets: frozenset[str | None],
    ) -> None:
        self._run, self._strand, self._activation = run, strand, activation
        self._extra, self._secrets = extra, secrets

    def __getitem__(self, name: str) -> Any:
        if name in self._extra:
            return self._extra[name]
        activation = self._activation
        if activation is not None:
            if name in activation.variables:
                return activation.variables[name]
            if name in _OF_TASK:
                return _OF_TASK[name](activation)
        if name == "secrets":
            return self._secret_values()
        return _OF_RUN[name](self._run, self._strand)

    def _secret_values(self) -> dict[str, Any]:
        if None not in self._secrets:
            return {name: self._run.secret(name) for name in self._secrets if name is not None}
        values: dict[str, Any] = {}
        for name in self._run.program.secrets:
            try:
                values[name] = self._run.session.ports.secrets(name)
            except KeyError:
                continue  # the whole map was asked for: it holds the secrets that exist
        return values

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __contains__(self, name: object) -> bool:
        return name == "__now"


@dataclass(slots=True)
class Activation:
    """One run of one task. `then` may be set by the body to direct the flow; `has_ended` says that a nested
    task ended the workflow; `attempts` counts tries."""

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
    has_ended: bool = False
    attempts: int = 1
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

    async def evaluate(self, expression: Expression, **extra: Any) -> Any:
        """The value of `expression` on the task's input; `extra` are more arguments."""
        return await self.evaluate_on(expression, self.input, **extra)

    async def evaluate_on(self, expression: Expression, value: Any, **extra: Any) -> Any:
        """The value of `expression` on `value`."""
        return await evaluate(self.run, self.strand, self, expression, value, extra)

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

    def note(self, kind: str, data: Any = None, *, suffix: str = "") -> None:
        """Put an entry into the journal; it becomes durable with the next effect or `flush`."""
        session = self.run.session
        session.recorder.note(Entry(self.position + suffix, kind, session.now(), data))

    def noted(self, kind: str, *, suffix: str = "") -> Entry | None:
        """What an earlier run noted for this activation."""
        return self.run.session.recorder.noted(self.position + suffix, kind)

    async def flush(self) -> None:
        """Make the journal durable up to here."""
        await self.run.session.recorder.flush()

    async def sleep_until(self, wake_at: str) -> None:
        """Wait until a moment, but no longer than the nearest timeout."""
        if self.strand.doom is not None:
            raise self.strand.doom
        clock = self.run.session.ports.clock
        until, deadline = moment(wake_at), self.strand.deadline
        if deadline is not None and deadline < until:
            await clock.sleep(max(0.0, (deadline - clock.now()).total_seconds()))
            raise TimeoutError  # the owner of the deadline turns this into its timeout fault
        await clock.sleep(max(0.0, (until - clock.now()).total_seconds()))

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


_OF_TASK: Mapping[str, Callable[[Activation], Any]] = {
    "input": lambda activation: activation.input,
    "task": Activation.descriptor,
    "authorization": lambda activation: activation.authorization,
}
_OF_RUN: Mapping[str, Callable[[Run, Strand], Any]] = {
    "context": lambda _, strand: strand.context,
    "workflow": lambda run, _: run.descriptor(),
    "runtime": lambda *_: RUNTIME,
    "__now": lambda run, _: run.session.ports.clock.now().timestamp(),
}


async def evaluate(
    run: Run,
    strand: Strand,
    activation: Activation | None,
    expression: Expression,
    value: Any,
    extra: Mapping[str, Any],
) -> Any:
    """Evaluate; a failure is an expression fault."""
    arguments = Arguments(run, strand, activation, extra, expression.secrets)
    try:
        return await expression.evaluated(value, arguments, run.session.bounds)
    except ExpressionError as error:
        raise fault("expression", f"{error} in: {expression.text[:500]}") from error


@asynccontextmanager
async def time_limit(
    strand: Strand, ports: Ports, seconds: float, error: Callable[[], Fault]
) -> AsyncIterator[None]:
    """Cut the body off after `seconds`, by the machine's clock or, for waits, by the port's."""
    deadline = ports.clock.now() + timedelta(seconds=seconds)
    outer = strand.deadline
    is_nearest = outer is None or deadline < outer
    if is_nearest:
        strand.deadline = deadline
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        if not is_nearest and outer is not None and ports.clock.now() >= outer:
            raise  # an outer timeout struck during a wait
        raise error() from None
    finally:
        strand.deadline = outer


def timeout_fault(reference: str, seconds: float) -> Fault:
    """The fault of a task or workflow that took too long."""
    return fault("timeout", f"not done within {seconds:g} s", instance=reference or "/")


def limit_error(reason: str) -> WorkflowError:
    """How a hit limit is shown."""
    return fault("runtime", reason, title="Limit exceeded", instance="/").error
