"""Diagnostics as text, for the cache.

Rule: what was not written here is read as None, never as an exception.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from caseway.model.diagnostic import Diagnostic, Severity


def to_text(found: Iterable[Diagnostic]) -> str:
    """JSON."""
    return json.dumps([row(item) for item in found])


def row(item: Diagnostic) -> list[object]:
    """One diagnostic as plain JSON."""
    return [
        item.file, item.line, item.column, item.pointer, item.code, str(item.severity), item.message,
        item.hint, item.fixable,
    ]  # fmt: skip


def from_text(text: str | None) -> list[Diagnostic] | None:
    """The inverse of `to_text`; None for anything else."""
    try:
        rows = json.loads(text) if text is not None else None
        return None if rows is None else [from_row(*row) for row in rows]
    except (ValueError, TypeError):
        return None


def from_row(*row: Any) -> Diagnostic:
    """The inverse of `row`. Raises ValueError or TypeError for anything else."""
    file, line, column, pointer, code, severity, message, hint, is_fixable = row
    return Diagnostic(file, line, column, pointer, code, Severity(severity), message, hint, is_fixable)
