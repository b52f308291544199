"""Runs the WorkflowTests of a repo through the real interpreter, offline, on a clock that leaps.

Rule: a test passes only when all it expects holds; each failure says what was expected and what came."""

from __future__ import annotations

import asyncio
import difflib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import caseway_runner as runner
from caseway.model.errors import CasewayError
from caseway.worker.border import Border, contains, is_equal, is_request
from caseway.worker.coverage import taken
from caseway.worker.feeding import STARVED, Feed
from caseway.worker.local import LocalWorkflow
from caseway.worker.virtual_clock import VirtualClock

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that did not hold. `difference` is a unified diff, one line each."""

    what: str
    expected: Any = None
    actual: Any = None
    difference: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """How well one thing went, from 0 to 1; it passes from `threshold` on."""

    name: str
    score: float
    threshold: float

    @property
    def is_passed(self) -> bool:
        """Whether it is high enough."""
        return self.score >= self.threshold


@dataclass(frozen=True, slots=True)
class Case:
    """One WorkflowTest with the workflow it is about. `place` is `file:line`."""

    name: str
    use_case: str
    workflow: str
    place: str
    spec: Mapping[str, Any]
    local: LocalWorkflow | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """How one case went. `visited` holds the references of the workflow's own tasks that started, `taken` the
    ways that were taken; `scores` are those of its assertions, passed or not."""

    case: Case
    failures: tuple[Failure, ...]
    seconds: float
    outcome: runner.Outcome | None = None
    visited: frozenset[str] = field(default_factory=frozenset)
    taken: frozenset[str] = field(default_factory=frozenset)
    scores: tuple[Score, ...] = ()

    @property
    def is_passed(self) -> bool:
        """Whether everything held."""
        return not self.failures


async def run_case(case: Case, policy: runner.Policy) -> Result:
    """Run one test. What stops it from running at all is its failure."""
    began = time.perf_counter()
    if case.local is None:
        return Result(case, (Failure(case.problem or "there is no such workflow"),), 0.0)
    border = Border(case.spec.get("stubs", ()), processes=policy.processes)
    try:
        feed = Feed(case.spec.get("events", ()), VirtualClock(_moment(case.spec.get("clock", ""))))
        journal = runner.MemoryJournal()
        outcome = await _outcome(case, case.local, border, feed, _Ground(policy, journal))
    except (CasewayError, ValueError) as error:
        return Result(case, (Failure(str(error)),), time.perf_counter() - began)
    failures = tuple(compare(case.spec.get("expect", {}), outcome, border, feed.emitted))
    own = frozenset(record.reference for record in outcome.tasks)
    ways = frozenset(taken(outcome, journal.entries))
    scores = tuple(scored(case.spec.get("expect", {}), outcome))
    return Result(case, failures, time.perf_counter() - began, outcome, own, ways, scores)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a test's execution may do, and where it writes."""

    policy: runner.Policy
    journal: runner.Journal


async def _outcome(
    case: Case, local: LocalWorkflow, border: Border, feed: Feed, ground: _Ground
) -> runner.Outcome:
    spec = case.spec
    rendered = local.rendered(spec.get("parameters", {}))
    ports = runner.Ports(
        journal=ground.journal,
        clock=feed.clock,
        secrets=lambda name: spec.get("secrets", {})[name],
        workflows=rendered.source,
        policy=ground.policy,
        stub=border,
        http_transport=border.transport,
        events=feed.log,
        cancel=feed.cancel,
    )
    program = runner.compile_workflow(rendered.document)
    execution = runner.Execution(id=f"test-{case.name}")
    await feed.begin()
    work = asyncio.create_task(runner.execute(program, spec.get("input", {}), execution, ports))
    return await feed.around(work)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text) if text else START


def compare(
    expect: Mapping[str, Any],
    outcome: runner.Outcome,
    border: Border,
    emitted: Sequence[Mapping[str, Any]] = (),
) -> Iterable[Failure]:
    """Every expectation of `expect` that does not hold."""
    status = expect.get("status", "faulted" if "error" in expect else "completed")
    if status == "completed" and "error" in expect:  # the schema's default: an error says otherwise
        status = "faulted"
    if outcome.status != status:
        yield _unlike("status", status, str(outcome.status), outcome, border)
    if "output" in expect and not is_equal(outcome.output, expect["output"]):
        yield _different("output", expect["output"], outcome.output)
    if "error" in expect:
        actual = dict(outcome.error.as_json()) if outcome.error else None
        if not contains(actual, expect["error"]):
            yield _different("error", expect["error"], actual)
    if "tasks" in expect:
        names = [record.name for record in outcome.tasks]
        if names != list(expect["tasks"]):
            yield _different("tasks, in the order they started", expect["tasks"], names)
    yield from _requests(expect.get("requests"), border.requests)
    yield from _events(expect.get("events"), emitted)
    for one in expect.get("assertions", ()):
        yield from _assertion(one, outcome) if isinstance(one, str) else _bar(one, outcome)


def _unlike(what: str, expected: str, actual: str, outcome: runner.Outcome, border: Border) -> Failure:
    because = list(border.unstubbed)
    if outcome.reason == STARVED:
        because.append("it waits for an event that does not come: list it under events")
    if outcome.error is not None:
        error = outcome.error
        because.append(f"{error.status} {error.title}: {error.detail} at {error.instance}".replace("\n", " "))
    return Failure(what, expected, actual, tuple(because))


def _requests(expected: list[Mapping[str, Any]] | None, actual: list[Mapping[str, Any]]) -> Iterable[Failure]:
    if expected is None:
        return
    pairs = zip(actual, expected, strict=False)
    if len(expected) == len(actual) and all(is_request(have, want) for have, want in pairs):
        return
    keys = {key for item in expected for key in item} | {"method", "url"}
    seen = [{key: item[key] for key in item if key in keys} for item in actual]
    yield _different("requests", expected, seen)


def _events(
    expected: Sequence[Mapping[str, Any]] | None, emitted: Sequence[Mapping[str, Any]]
) -> Iterable[Failure]:
    if expected is None or contains(emitted, expected):
        return
    keys = {key for item in expected for key in item} | {"type"}
    seen = [{key: value for key, value in event.items() if key in keys} for event in emitted]
    yield _different("emitted events", expected, seen)


def _assertion(text: str, outcome: runner.Outcome) -> Iterable[Failure]:
    value, error = _value(text, outcome)
    if error or value is not True:
        yield Failure(f"assertion {text}", True, error or value)


def _bar(one: Mapping[str, Any], outcome: runner.Outcome) -> Iterable[Failure]:
    found = _score(one, outcome)
    name = str(one.get("name") or one["score"])
    if isinstance(found, Score):
        if not found.is_passed:
            yield Failure(f"score {name}", found.threshold, found.score)
        return
    yield Failure(f"score {name}", "a number from 0 to 1", found)


def scored(expect: Mapping[str, Any], outcome: runner.Outcome) -> Iterable[Score]:
    """The scores that an outcome has, in the order they are asked for."""
    for one in expect.get("assertions", ()):
        found = None if isinstance(one, str) else _score(one, outcome)
        if isinstance(found, Score):
            yield found


def _score(one: Mapping[str, Any], outcome: runner.Outcome) -> Any:
    """The score, or what came in its place."""
    value, error = _value(one["score"], outcome)
    if error or not isinstance(value, bool | int | float) or not 0 <= value <= 1:
        return error or value
    return Score(str(one.get("name") or one["score"]), float(value), float(one.get("threshold", 1)))


def _value(text: str, outcome: runner.Outcome) -> tuple[Any, str]:
    """What an expression over the output gives, or why it gives nothing."""
    try:
        return runner.compile_expression(text).evaluate(outcome.output, {}), ""
    except Exception as error:  # noqa: BLE001 - the author's expression: whatever it raises is the finding
        return None, f"error: {error}"


def _different(what: str, expected: Any, actual: Any) -> Failure:
    lines = difflib.unified_diff(_lines(expected), _lines(actual), "expected", "actual", lineterm="", n=3)
    return Failure(what, expected, actual, tuple(lines))


def _lines(value: Any) -> list[str]:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str).splitlines()
