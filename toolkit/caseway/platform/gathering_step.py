"""What events do to the starts that gather them. No effects: what was kept is read through an argument.

Rule: an event goes to every start that waits for it; one that nobody waits for may begin a new start."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from caseway.model.canonical import JsonObject
from caseway_runner import Gathered, Judged, Start

MOST_BYTES = 10_000_000  # what executions may give, they may be given
MOST_EVENTS = 10_000
MOST_OPEN = 10_000  # starts to be, of one workflow of an instance

Kept = Callable[
    [int], Sequence[JsonObject]
]  # the events that the start with that first event has in the store


@dataclass(frozen=True, slots=True)
class Incoming:
    """An event, its number, and when it came (seconds since 1970). `is_own`: the workflow sent it itself."""

    number: int
    event: JsonObject
    at: float
    is_own: bool = False


@dataclass(slots=True)
class Opened:
    """A start to be. `added` is what it took just now, `last` the event that decided it. `fate` is "met" when
    the workflow starts, "dropped" when it never will."""

    first: int
    gathered: Gathered
    count: int = 0
    size: int = 0
    is_new: bool = False
    is_touched: bool = False
    fate: str = ""
    last: int = 0
    added: list[Incoming] = field(default_factory=list)


def look(start: Start, opened: list[Opened], coming: Iterable[Incoming], kept: Kept) -> int:
    """Give each event to the starts that want it; new ones join `opened`. The number of the last event."""
    seen = 0
    for one in coming:
        seen = one.number
        if one.is_own and start.takes_all:  # it would never end
            continue
        judged = start.judge(one.event, one.at)
        if (judged.takes or judged.ends) and not _is_wanted(start, opened, one, judged, kept):
            _begin(start, opened, one, judged, kept)
    alive = [each for each in opened if not each.fate]
    for each in alive[: max(0, len(alive) - MOST_OPEN)]:
        each.fate, each.is_touched = "dropped", True
    return seen


def _is_wanted(start: Start, opened: list[Opened], one: Incoming, judged: Judged, kept: Kept) -> bool:
    is_wanted = False
    for each in opened:
        if each.fate:
            continue
        ended = start.end(each.gathered, judged)
        taken = start.take(each.gathered, judged) if ended is None else ended
        if taken is None:
            continue
        is_wanted = True
        each.gathered, each.is_touched = taken, True
        if ended is None:
            _add(start, each, one, kept)
        elif start.is_met(ended):
            each.fate, each.last = "met", one.number
    return is_wanted


def _begin(start: Start, opened: list[Opened], one: Incoming, judged: Judged, kept: Kept) -> None:
    gathered = start.begin(judged)
    if gathered is not None:
        made = Opened(one.number, gathered, is_new=True, is_touched=True)
        opened.append(made)
        _add(start, made, one, kept)


def _add(start: Start, each: Opened, one: Incoming, kept: Kept) -> None:
    each.added.append(one)
    each.count += 1
    each.size += len(json.dumps(one.event))
    if start.is_met(each.gathered) or (start.has_condition and _is_enough(start, each, one, kept)):
        each.fate, each.last = "met", one.number
    elif each.size > MOST_BYTES or each.count >= MOST_EVENTS:
        each.fate, each.last = "dropped", one.number


def _is_enough(start: Start, each: Opened, one: Incoming, kept: Kept) -> bool:
    stored: Sequence[Mapping[str, Any]] = () if each.is_new else kept(each.first)
    return start.is_enough([*stored, *(added.event for added in each.added)], one.at)
