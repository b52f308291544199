"""How many events to consume: one, any or all of some filters, and until when. What came so far is Progress.

Rule: an event that ends the listening is not among those listened to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from caseway_runner.expression import Expression
from caseway_runner.filters import EventFilter, Judge, compile_filter
from caseway_runner.scope import TASK_BODY, Scope

_KINDS = ("one", "any", "all")


@dataclass(frozen=True, slots=True)
class Strategy:
    """`any` without filters takes every event. `until` is a condition on what was consumed, or the strategy
    whose events end it."""

    kind: str
    filters: tuple[EventFilter, ...]
    until: Expression | Strategy | None = None


@dataclass(slots=True)
class Progress:
    """What was matched so far: filters of the strategy and of its `until`, and the correlation keys."""

    matched: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    keys: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """An event that is wanted: by which filter (-1: by none in particular), and the correlation keys then."""

    at: int
    ends: bool
    keys: Mapping[str, Any]


async def offered(
    strategy: Strategy, judge: Judge, event: Mapping[str, Any], progress: Progress
) -> Taken | None:
    """Whether `event` is wanted now."""
    if isinstance(strategy.until, Strategy):
        found = await _taken(strategy.until, judge, event, progress.ended, progress.keys)
        if found is not None:
            return Taken(found[0], True, found[1])
    found = await _taken(strategy, judge, event, progress.matched, progress.keys)
    return None if found is None else Taken(found[0], False, found[1])


def take(progress: Progress, taken: Taken) -> None:
    """Note that it was consumed."""
    (progress.ended if taken.ends else progress.matched).add(taken.at)
    progress.keys = taken.keys


async def _taken(
    strategy: Strategy,
    judge: Judge,
    event: Mapping[str, Any],
    matched: set[int],
    keys: Mapping[str, Any],
) -> tuple[int, Mapping[str, Any]] | None:
    if strategy.kind == "any" and not strategy.filters:
        return -1, keys
    for at, one in _open(strategy, matched):
        found = await one.match(judge, event, keys)
        if found is not None:
            return at, found
    return None


def _open(strategy: Strategy, matched: set[int]) -> Iterator[tuple[int, EventFilter]]:
    """The filters that still want events."""
    for at, one in enumerate(strategy.filters):
        if strategy.kind != "all" or at not in matched:
            yield at, one


def is_satisfied(strategy: Strategy, progress: Progress) -> bool:
    """Whether nothing more is to be consumed, a condition in `until` apart."""
    if isinstance(strategy.until, Strategy):
        return _has_all(strategy.until, progress.ended)
    return strategy.until is None and _has_all(strategy, progress.matched)


def _has_all(strategy: Strategy, matched: set[int]) -> bool:
    return len(matched) >= len(strategy.filters) if strategy.kind == "all" else bool(matched)


def wanted(strategy: Strategy, progress: Progress) -> list[Mapping[str, Any]]:
    """The fixed attributes of the events that would be consumed now; `{}` stands for any event."""
    found = [one.fixed for _, one in _open(strategy, progress.matched)]
    if strategy.kind == "any" and not strategy.filters:
        found.append({})
    if isinstance(strategy.until, Strategy):
        found += wanted(strategy.until, Progress(progress.ended))
    return found


def compile_strategy(
    value: Any,
    scope: Scope,
    roots: frozenset[str] = TASK_BODY,
    *,
    may_end: bool = True,
    is_bare: bool = False,
) -> Strategy | None:
    """`one`, `any` or `all`; `any` with `until` unless it is an `until` itself. `is_bare`: of a schedule,
    which is asked before anything runs."""
    fields = scope.mapping(value, {*_KINDS, "until"})
    if fields is None:
        return None
    found = [kind for kind in _KINDS if kind in fields]
    if len(found) != 1:
        scope.report("schema", "expected exactly one of one, any, all")
        return None
    kind = found[0]
    place = scope.at(kind)
    given = [fields[kind]] if kind == "one" else fields[kind]
    if not isinstance(given, list):
        place.report("schema", "expected a list of event filters")
        return None
    filters = [
        compile_filter(one, place if kind == "one" else place.at(at), roots, is_bare=is_bare)
        for at, one in enumerate(given)
    ]
    until: Expression | Strategy | None = None
    if _has_until(fields, kind, scope, may_end):
        given_until, place = fields["until"], scope.at("until")
        if isinstance(given_until, str):
            until = place.expression(given_until, roots)
        else:
            until = compile_strategy(given_until, place, roots, may_end=False, is_bare=is_bare)
    return Strategy(kind, tuple([one for one in filters if one is not None]), until)


def _has_until(fields: Mapping[str, Any], kind: str, scope: Scope, may_end: bool) -> bool:
    if fields.get("until", False) is False:
        return False
    if kind != "any" or not may_end:
        scope.at("until").report("schema", "`until` goes with `any`, and not within another `until`")
        return False
    return True
