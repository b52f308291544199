"""Compares two template bodies, and shows the comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caseway.cli.output import clean, paint, print_json, say
from caseway.cli.session import Session
from caseway.model.plan import Change
from caseway.reconcile.diff import diff

WIDE = 160


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions of one use case and every field in which they differ."""

    name: str
    before: str
    after: str
    changes: tuple[Change, ...]


def compared(
    name: str, before: str, after: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Comparison:
    """The comparison of two bodies."""
    return Comparison(name, before, after, tuple(diff(old, new)))


def as_json(comparison: Comparison) -> dict[str, Any]:
    """`{"useCase","from","to","changes":[{"path","before","after"}]}`."""
    changes = [{"path": item.path, "before": item.before, "after": item.after} for item in comparison.changes]
    return {"useCase": comparison.name, "from": comparison.before, "to": comparison.after, "changes": changes}


def print_comparison(session: Session, comparison: Comparison) -> None:
    """One comparison, as JSON or text."""
    if session.is_json:
        print_json(as_json(comparison))
    else:
        say_comparison(comparison)


def say_comparison(comparison: Comparison) -> None:
    """One line per field that differs."""
    heading = f"{comparison.name}: {comparison.before or 'nothing'} → {comparison.after or 'nothing'}"
    say(paint(clean(heading), "", bold=True))
    if not comparison.changes:
        say("  no difference")
    for change in comparison.changes:
        say(_line(change))


def _line(change: Change) -> str:
    if change.before is None:
        return paint(f"  + {clean(change.path)}: {_short(change.after)}", "green")
    if change.after is None:
        return paint(f"  - {clean(change.path)}: {_short(change.before)}", "red")
    return paint(f"  ~ {clean(change.path)}: {_short(change.before)} → {_short(change.after)}", "yellow")


def _short(value: Any) -> str:
    text = clean(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= WIDE else text[: WIDE - 1] + "…"
