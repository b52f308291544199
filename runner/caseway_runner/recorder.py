"""Keeps the journal of one execution: buffers entries, makes them durable in order, and replays old ones.

One rule: `flush` returns only when everything noted before it is durable; appends never overlap."""

from __future__ import annotations

import asyncio

from caseway_runner.errors import LimitExceeded
from caseway_runner.journal import EndingJournal, Entry, Journal, compact

_FINAL = frozenset({"completed", "faulted"})
_ENDS = _FINAL | {"closed", "skipped"}


class Recorder:
    """One execution's way to its journal."""

    def __init__(self, journal: Journal, journal_bytes: int) -> None:
        self._journal = journal
        self._bytes_left = journal_bytes
        self._pending: list[Entry] = []
        self._lock = asyncio.Lock()
        self._final: dict[str, Entry] = {}
        self._notes: dict[tuple[str, str], Entry] = {}
        self._ends: dict[str, tuple[int, Entry]] = {}

    async def load(self) -> None:
        """Read what earlier runs of this execution recorded."""
        for number, entry in enumerate(await self._journal.recorded()):
            self._bytes_left -= _size_of(entry, compact(entry.data))  # a text for each would be kept, too
            if entry.kind in _ENDS:
                self._ends[entry.position] = number, entry
            if entry.kind in _FINAL:
                self._final[entry.position] = entry
            else:
                self._notes.setdefault((entry.position, entry.kind), entry)

    @property
    def is_resuming(self) -> bool:
        """Whether an earlier run recorded anything."""
        return bool(self._final or self._notes)

    def final(self, position: str) -> Entry | None:
        """How the task at `position` ended in an earlier run, if it did."""
        return self._final.get(position)

    def end(self, position: str) -> tuple[int, Entry] | None:
        """The entry with which the task at `position` ended in an earlier run, and its place in the order."""
        return self._ends.get(position)

    def noted(self, position: str, kind: str) -> Entry | None:
        """What an earlier run noted at `position`."""
        return self._notes.get((position, kind)) if self._notes else None

    def all_noted(self, kind: str) -> list[Entry]:
        """Everything of that kind which earlier runs noted."""
        return [entry for (_, noted), entry in self._notes.items() if noted == kind]

    def note(self, entry: Entry) -> None:
        """Buffer an entry; it becomes durable with the next flush. The end of a task says when it started: it
        takes the place of the start when nothing came between."""
        pending = self._pending
        if entry.kind in _FINAL and pending and _is_start(pending[-1], entry.position):
            pending[-1] = entry
        else:
            pending.append(entry)

    async def flush(self, *, is_last: bool = False) -> None:
        """Make every noted entry durable; the last ones perhaps with the outcome, which follows at once."""
        await self._lock.acquire()
        try:
            if not self._pending:
                return  # another strand's flush took our entries along
            entries, self._pending = self._pending, []
            self._bytes_left -= sum([_size_of(entry, entry.text()) for entry in entries])
            if self._bytes_left < 0:
                raise LimitExceeded("the journal is larger than its limit")
            if is_last and isinstance(self._journal, EndingJournal):
                await self._journal.end(entries)
            else:
                await self._journal.append(entries)
        finally:
            self._lock.release()


def _is_start(entry: Entry, position: str) -> bool:
    return entry.kind == "started" and entry.position == position


def _size_of(entry: Entry, text: str) -> int:
    return len(text) + len(entry.position) + 48
