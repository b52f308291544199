"""The record from which an execution resumes. The interpreter only appends; a store makes it durable."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

# JSON as a journal counts and keeps it. One encoder: `json.dumps` with separators makes one for each call.
compact = json.JSONEncoder(separators=(",", ":")).encode


# Nobody changes it, but it is not frozen: that would take four times as long to make, for each task twice.
@dataclass(slots=True, unsafe_hash=True)
class Entry:
    """One fact. `position` names the task activation (`/do/0/fetch`, `/do/1/each#3/do/0/call@2`), `kind` says
    what happened (`started`, `completed`, `faulted`, `retried`, `waited`, …), `at` when (RFC 3339, UTC), and
    `data` carries its JSON value."""

    position: str
    kind: str
    at: str
    data: Any = None
    # Not copied by `replace`: other data has another text.
    _text: str = field(default="", init=False, repr=False, compare=False)

    def text(self) -> str:
        """`data` as compact ASCII JSON, encoded once: its size is counted, and a store keeps it."""
        if not self._text:
            self._text = compact(self.data) if self.data is not None else "null"
        return self._text


class Journal(Protocol):
    """Where entries go. `append` returns when they are durable, in order; appends never overlap for one
    execution. `recorded` gives all entries of earlier runs of this execution, in order."""

    async def append(self, entries: Sequence[Entry]) -> None: ...

    async def recorded(self) -> Sequence[Entry]: ...


@runtime_checkable
class EndingJournal(Protocol):
    """A journal whose owner stores the last entries together with the outcome. No effect follows them, so
    nothing is lost when a crash takes them: what they record is computed again."""

    async def end(self, entries: Sequence[Entry]) -> None: ...


class MemoryJournal:
    """Keeps entries in a list: for local runs and tests."""

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self.entries: list[Entry] = list(entries)

    async def append(self, entries: Sequence[Entry]) -> None:
        """Add `entries`."""
        self.entries.extend(entries)

    async def recorded(self) -> Sequence[Entry]:
        """All entries so far."""
        return tuple(self.entries)
