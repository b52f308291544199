"""Files that a document refers to as `file://<path>`, read from one folder and never from beside it."""

from __future__ import annotations

from pathlib import Path

from caseway_runner.ports import FileSource

MAX_BYTES = 10 * 1024 * 1024


def folder_files(folder: Path) -> FileSource:
    """The files in `folder`. Links that lead out of it, and files above 10 MB, do not exist."""
    root = folder.resolve()

    def read(path: str) -> bytes:
        file = (root / path).resolve()
        if not file.is_relative_to(root) or not file.is_file() or file.stat().st_size > MAX_BYTES:
            raise KeyError(path)
        return file.read_bytes()

    return read
