"""A journal in which no secret value is ever written.

Rule: what replay reads is what was appended, each secret as it is at the time of reading: a value rotated
between the run and its resumption comes back as the new one, in every place where the old one stood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from caseway.worker.masking import Masked
from caseway_runner import Entry, Journal
from caseway_runner.journal import EndingJournal


class SealedJournal:
    """Stands before another journal, hiding secrets on their way in and restoring them on their way out."""

    def __init__(self, journal: Journal, secrets: Masked) -> None:
        self._journal = journal
        self._secrets = secrets

    async def append(self, entries: Sequence[Entry]) -> None:
        """As the journal behind; the entries' data without secrets."""
        await self._journal.append(self._sealed(entries))

    async def end(self, entries: Sequence[Entry]) -> None:
        """As the journal behind; the entries' data without secrets."""
        if isinstance(self._journal, EndingJournal):
            await self._journal.end(self._sealed(entries))
        else:
            await self.append(entries)

    async def recorded(self) -> Sequence[Entry]:
        """As the journal behind, secrets in their places. Raises `MissingSecret`."""
        return [
            entry if entry.data is None else replace(entry, data=self._secrets.restored(entry.data))
            for entry in await self._journal.recorded()
        ]

    def _sealed(self, entries: Sequence[Entry]) -> list[Entry]:
        return [
            entry if entry.data is None else replace(entry, data=self._secrets.hidden(entry.data))
            for entry in entries
        ]
