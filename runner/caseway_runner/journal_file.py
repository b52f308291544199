"""A journal in a file, one JSON line an entry: for runs from the command line that should survive a crash."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from caseway_runner.journal import Entry


class FileJournal:
    """Appends to `path` and syncs. A last line torn by a crash is dropped."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def append(self, entries: Sequence[Entry]) -> None:
        """Write the entries and wait until they are on disk."""
        text = "".join(_line(entry) for entry in entries)
        with self._path.open("ab") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())

    async def recorded(self) -> Sequence[Entry]:
        """All whole lines; the file is cut to them."""
        if not self._path.exists():
            return ()
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self._path, len(whole))
        return tuple(Entry(**json.loads(line)) for line in whole.splitlines())


def _line(entry: Entry) -> str:
    members = {"position": entry.position, "kind": entry.kind, "at": entry.at, "data": entry.data}
    return json.dumps(members) + "\n"
