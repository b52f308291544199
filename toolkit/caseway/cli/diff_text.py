"""Compares two template bodies, and shows the comparison in the words of their authors."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caseway.cli.output import clean, has_colour, paint, print_json, say
from caseway.cli.session import Session
from caseway.model.plan import Change
from caseway.reconcile.diff import diff
from caseway.reconcile.template_diff import Difference, template_diff, template_diff_json, template_diff_text


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions of one use case: every field in which they differ, and the same told by task, trigger,
    parameter. Both are empty when there is no difference."""

    name: str
    before: str
    after: str
    changes: tuple[Change, ...]
    differences: tuple[Difference, ...]


def compared(
    name: str, before: str, after: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Comparison:
    """The comparison of two bodies."""
    return Comparison(name, before, after, tuple(diff(old, new)), template_diff(old, new))


def as_json(comparison: Comparison) -> dict[str, Any]:
    """`{"useCase","from","to","differences":[{"theme","what","subject","changes"}],"changes":[…]}`."""
    changes = [{"path": item.path, "before": item.before, "after": item.after} for item in comparison.changes]
    return {
        "useCase": comparison.name,
        "from": comparison.before,
        "to": comparison.after,
        "differences": template_diff_json(comparison.differences),
        "changes": changes,
    }


def print_comparison(session: Session, comparison: Comparison) -> None:
    """One comparison, as JSON or text."""
    if session.is_json:
        print_json(as_json(comparison))
    else:
        say_comparison(comparison)


def say_comparison(comparison: Comparison) -> None:
    """A heading, then what differs, theme by theme."""
    heading = f"{comparison.name}: {comparison.before or 'nothing'} → {comparison.after or 'nothing'}"
    say(paint(clean(heading), "", bold=True))
    width = shutil.get_terminal_size().columns
    say(template_diff_text(comparison.differences, color=has_colour(), width=width).rstrip("\n"))
