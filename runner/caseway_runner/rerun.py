"""Running again what has run before: from a task on, with outputs pinned, up to a task. Pure.

Rule: what is kept of a journal is its beginning, and of that nothing that is to be done anew."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from caseway_runner.journal import Entry

KIND = "rerun"
# What sets activations of a task apart: rounds, attempts, visits, events, functions, extensions.
_MARKS = re.compile(r"[#@!&]\d+|#$|/\(\)|/\^")


@dataclass(frozen=True, slots=True)
class Rerun:
    """What to do differently, by task references. `origin` is the first task that runs anew: what ended
    before it first started is taken from the journal ("": nothing is). `pins` are outputs that are taken
    instead of running their tasks. The run ends when the task at `until` has."""

    origin: str = ""
    until: str = ""
    pins: Mapping[str, Any] = field(default_factory=dict)


class NeverStarted(ValueError):
    """The task to run from has not been reached, so that there is nothing to take before it."""


def rerun_journal(entries: Sequence[Entry], rerun: Rerun, at: str) -> list[Entry]:
    """The journal of a new execution that does so; `at` is the time of making it. Raises NeverStarted."""
    kept: list[Entry] = []
    if rerun.origin:
        first = next((n for n, one in enumerate(entries) if _is_at(one, rerun.origin)), None)
        if first is None:
            raise NeverStarted(rerun.origin)
        kept = [one for one in entries[:first] if not _is_anew(one, rerun)]
    data = {"from": rerun.origin, "until": rerun.until, "pins": dict(rerun.pins)}
    return [*kept, Entry("", KIND, at, data)]


def _is_anew(entry: Entry, rerun: Rerun) -> bool:
    """Times count from the new start, and a pinned task must not be found to have ended otherwise."""
    is_clock = entry.kind == "begun" or (entry.position == "" and entry.kind in {"started", KIND})
    return is_clock or any(_is_at(entry, pinned) for pinned in rerun.pins)


def _is_at(entry: Entry, reference: str) -> bool:
    """Whether the entry is about the task at `reference` or one within it."""
    place, wanted = reference_of(entry.position), reference_of(reference)
    return place == wanted or place.startswith(wanted + "/")


def reference_of(position: str) -> str:
    """The reference of the task at a position of the journal."""
    return _MARKS.sub("", position)


def task_references(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The references of all tasks of a document, in its order."""
    return tuple(_listed(document.get("do"), "/do"))


def _listed(tasks: Any, pointer: str) -> Iterator[str]:
    if not isinstance(tasks, list | tuple):
        return
    for at, entry in enumerate(tasks):
        for name, task in entry.items() if isinstance(entry, Mapping) else ():
            here = f"{pointer}/{at}/{str(name).replace('~', '~0').replace('/', '~1')}"
            yield here
            if isinstance(task, Mapping):
                yield from _within(task, here)


_WITHIN = (
    ("do",),
    ("try",),
    ("catch", "do"),
    ("fork", "branches"),
    ("foreach", "do"),
    ("with", "subscription", "foreach", "do"),
)


def _within(task: Mapping[str, Any], here: str) -> Iterator[str]:
    for path in _WITHIN:
        inner: Any = task
        for key in path:
            inner = inner.get(key) if isinstance(inner, Mapping) else None
        yield from _listed(inner, f"{here}/{'/'.join(path)}")
