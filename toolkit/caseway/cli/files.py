"""Writes files whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Put `text` into `file` atomically, readable by its owner only."""
    write_atomically(file, text, 0o600)


def write_atomically(file: Path, text: str, mode: int) -> None:
    """Put `text` into `file` so that nobody ever sees half of it."""
    write_bytes(file, text.encode("utf-8"), mode)


def write_bytes(file: Path, data: bytes, mode: int) -> None:
    """Put `data` into `file` so that nobody ever sees half of it."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
