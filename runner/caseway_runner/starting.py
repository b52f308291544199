"""What starts a workflow: its `schedule.on`, asked event by event while what it needs is gathered.

Rule: nothing runs yet, so an expression sees its value and `$runtime`; the caller keeps what was gathered."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from caseway_runner.arguments import RUNTIME
from caseway_runner.consumption import Progress, Strategy, compile_strategy, is_satisfied
from caseway_runner.errors import Fault, fault
from caseway_runner.expression import Expression, ExpressionError
from caseway_runner.filters import EventFilter, is_same_key
from caseway_runner.problem import InvalidWorkflow
from caseway_runner.program import TaskList
from caseway_runner.sandbox import Bounds
from caseway_runner.scope import SCHEDULE, Draft, Scope
from caseway_runner.template import Template

T = TypeVar("T")
Fit = tuple[int, Mapping[str, Any]]  # the number of a filter that an event fits, and its correlation keys


@dataclass(frozen=True, slots=True)
class Judged:
    """What an event is good for: the filters it fits, and those that would end a gathering."""

    takes: tuple[Fit, ...] = ()
    ends: tuple[Fit, ...] = ()


@dataclass(frozen=True, slots=True)
class Gathered:
    """How far a start has come: the filters that were met, those of its `until`, and the correlation keys."""

    matched: frozenset[int] = frozenset()
    ended: frozenset[int] = frozenset()
    keys: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For the store."""
        return {"matched": sorted(self.matched), "ended": sorted(self.ended), "keys": dict(self.keys)}


def gathered_of(value: Mapping[str, Any]) -> Gathered:
    """What `as_json` gave."""
    return Gathered(frozenset(value["matched"]), frozenset(value["ended"]), value["keys"])


@dataclass(frozen=True, slots=True)
class Start:
    """A compiled `schedule.on`."""

    strategy: Strategy

    @property
    def plain(self) -> tuple[Mapping[str, Any], ...]:
        """Sets of attributes: an event that has one of them starts the workflow. () when more is asked."""
        strategy = self.strategy
        if strategy.kind == "all" or strategy.until is not None:
            return ()
        if any(one.correlations or not _is_fixed(one) for one in strategy.filters):
            return ()
        return tuple(
            {name: template.node for name, template in one.attributes.items()} for one in strategy.filters
        )

    @property
    def takes_all(self) -> bool:
        """Whether it takes every event there is."""
        return self.strategy.kind == "any" and not self.strategy.filters

    def judge(self, event: Mapping[str, Any], now: float) -> Judged:
        """What `event` is good for; `now` is the time that expressions see."""
        judge = _Bare(now)
        strategy, until = self.strategy, self.strategy.until
        ends = _fits(until, judge, event) if isinstance(until, Strategy) else ()
        if self.takes_all:
            return Judged(((-1, {}),), ends)
        return Judged(_fits(strategy, judge, event), ends)

    def begin(self, judged: Judged) -> Gathered | None:
        """What a new start has with this event; None when the event begins none."""
        return self._taken(Gathered(), judged.takes)

    def end(self, gathered: Gathered, judged: Judged) -> Gathered | None:
        """What a start has once this event has ended it, or done so in part; None when it does not."""
        found = None
        if isinstance(self.strategy.until, Strategy):
            found = _first(self.strategy.until, gathered.ended, gathered.keys, judged.ends)
        if found is None:
            return None
        return Gathered(gathered.matched, gathered.ended | {found[0]}, found[1])

    def take(self, gathered: Gathered, judged: Judged) -> Gathered | None:
        """What a start has with this event; None when it does not want it."""
        return self._taken(gathered, judged.takes)

    def is_met(self, gathered: Gathered) -> bool:
        """Whether the workflow starts now, a condition in `until` apart."""
        return is_satisfied(
            self.strategy, Progress(set(gathered.matched), set(gathered.ended), gathered.keys)
        )

    @property
    def has_condition(self) -> bool:
        """Whether the events gathered decide when it is enough."""
        return isinstance(self.strategy.until, Expression)

    def is_enough(self, events: Sequence[Mapping[str, Any]], now: float) -> bool:
        """Whether the condition in `until` holds on these events; one that fails does not."""
        until = self.strategy.until
        assert isinstance(until, Expression)
        try:
            found = _at_once(_Bare(now).evaluate_on(until, list(events)))
        except Fault:
            return False
        return found is not None and found is not False

    def _taken(self, gathered: Gathered, fits: tuple[Fit, ...]) -> Gathered | None:
        found = _first(self.strategy, gathered.matched, gathered.keys, fits)
        return None if found is None else Gathered(gathered.matched | {found[0]}, gathered.ended, found[1])


def _is_fixed(one: EventFilter) -> bool:
    return all(template.is_constant for template in one.attributes.values())


def _first(
    strategy: Strategy, matched: frozenset[int], keys: Mapping[str, Any], fits: tuple[Fit, ...]
) -> Fit | None:
    """The first filter that still wants events and whose keys agree, with all keys then."""
    for at, own in fits:
        is_open = strategy.kind != "all" or at not in matched
        if is_open and all(is_same_key(value, keys.get(name, value)) for name, value in own.items()):
            return at, {**keys, **own}
    return None


def _fits(strategy: Strategy, judge: _Bare, event: Mapping[str, Any]) -> tuple[Fit, ...]:
    found = [(at, _at_once(one.match(judge, event, {}))) for at, one in enumerate(strategy.filters)]
    return tuple((at, keys) for at, keys in found if keys is not None)


@dataclass(frozen=True, slots=True)
class _Bare:
    """Evaluates where nothing runs: a `Judge` that never waits for anything but the helper process."""

    now: float

    async def evaluate_on(self, expression: Expression, value: Any) -> Any:
        try:
            return expression.evaluate(value, {"runtime": RUNTIME, "__now": self.now}, Bounds())
        except ExpressionError as error:
            raise fault("expression", f"{error} in: {expression.text[:500]}") from error

    async def fill(self, template: Template) -> Any:
        return await template.fill(lambda expression: self.evaluate_on(expression, None))


def _at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of what never waits, without an event loop."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("it waited")  # pragma: no cover - `_Bare` does not


def compile_start(on: Any, *, is_loose: bool = False) -> Start:
    """The start that a `schedule.on` describes; `is_loose` where the document's expressions are. Raises
    InvalidWorkflow when it has errors."""
    draft = Draft(
        use={},
        secrets=frozenset(),
        is_loose=is_loose,
        compile_list=lambda *_: TaskList(()),
    )
    strategy = compile_schedule(on, Scope(draft, "/schedule/on"))
    if strategy is None or any(problem.severity == "error" for problem in draft.findings):
        raise InvalidWorkflow(tuple(draft.findings))
    return Start(strategy)


def compile_schedule(on: Any, scope: Scope) -> Strategy | None:
    """The strategy of a `schedule.on`; findings go to the scope."""
    return compile_strategy(on, scope, SCHEDULE, is_bare=True)
