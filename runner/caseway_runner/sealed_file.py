"""Keeps secrets out of a journal file: their values are written as names, and put back when it is read.

Rule: reading gives what was written, as long as the secrets are the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from caseway_runner.journal import Entry, Journal


class SealedFile:
    """Stands before another journal. `secrets` are the values by name, any JSON."""

    def __init__(self, journal: Journal, secrets: Mapping[str, Any]) -> None:
        self._journal = journal
        texts = {
            text: f"\x00secret:{place}\x00"
            for name, value in secrets.items()
            for place, text in _texts(value, name)
        }
        # The longest first, so that one secret within another is not cut out of it.
        self._pairs = [
            (_inner(text), _inner(texts[text]))
            for text in sorted(texts, key=lambda text: (-len(text), text))
            if text
        ]

    async def append(self, entries: Sequence[Entry]) -> None:
        """As the journal behind, without secrets."""
        await self._journal.append([self._changed(entry, 0, 1) for entry in entries])

    async def recorded(self) -> Sequence[Entry]:
        """As the journal behind, secrets in their places."""
        return [self._changed(entry, 1, 0) for entry in await self._journal.recorded()]

    def _changed(self, entry: Entry, before: int, after: int) -> Entry:
        if entry.data is None or not self._pairs:
            return entry
        text = json.dumps(entry.data)
        for pair in self._pairs:
            text = text.replace(pair[before], pair[after])
        return replace(entry, data=json.loads(text))


def _inner(text: str) -> str:
    """The text as it stands within JSON, without the quotes."""
    return json.dumps(text)[1:-1]


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every text within a secret, with its place."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{place}/{key}")
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _texts(item, f"{place}/{at}")
