"""Files that a document refers to as `file://<path>`: those it carries itself, else those of one folder,
never from beside it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from caseway_runner.ports import FileSource

MAX_BYTES = 10 * 1024 * 1024
CARRIED = "caseway.dev/files"  # the member of a document's metadata that holds files as base64, by path


def folder_files(folder: Path) -> FileSource:
    """The files in `folder`. Links that lead out of it, and files above 10 MB, do not exist."""
    root = folder.resolve()

    def read(path: str) -> bytes:
        file = (root / path).resolve()
        if not file.is_relative_to(root) or not file.is_file() or file.stat().st_size > MAX_BYTES:
            raise KeyError(path)
        return file.read_bytes()

    return read


def carried(document: Mapping[str, Any], path: str) -> bytes:
    """A file that the document carries; KeyError when it does not."""
    held: Any = document
    for name in ("document", "metadata", CARRIED, path):
        if not isinstance(held, Mapping):
            raise KeyError(path)
        held = held[name]
    try:
        return base64.b64decode(str(held), validate=True)
    except binascii.Error as error:
        raise KeyError(path) from error


def with_carried(document: Mapping[str, Any], files: Mapping[str, bytes]) -> Mapping[str, Any]:
    """The document with these files in it."""
    if not files:
        return document
    head = document.get("document")
    metadata = head.get("metadata") if isinstance(head, Mapping) else None
    known = dict(metadata) if isinstance(metadata, Mapping) else {}
    texts = {path: base64.b64encode(content).decode("ascii") for path, content in sorted(files.items())}
    inner = {**(head if isinstance(head, Mapping) else {}), "metadata": {**known, CARRIED: texts}}
    return {**document, "document": inner}
