"""Printing: JSON to stdout alone, tables and trees as plain text, colour only where it is welcome.

Rule: text that came from a repo or a store passes through `clean`, so that it cannot steer a terminal."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from caseway.operations.shape import facts_of

__all__ = [
    "clean",
    "facts_of",
    "has_colour",
    "paint",
    "painted_status",
    "print_fields",
    "print_json",
    "print_table",
    "say",
]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROL_BUT_NEWLINE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

COLOURS = {
    "completed": "green",
    "active": "green",
    "published": "green",
    "deployed": "green",
    "ok": "green",
    "faulted": "red",
    "deploy_failed": "red",
    "failed": "red",
    "error": "red",
    "cancelled": "yellow",
    "suspended": "yellow",
    "missing_integration": "yellow",
    "user_paused": "yellow",
    "warning": "yellow",
    "running": "cyan",
    "waiting": "cyan",
    "pending": "cyan",
    "deprecated": "bright_black",
    "archived": "bright_black",
    "inactive": "bright_black",
}


def clean(value: object, *, lines: bool = False) -> str:
    """`value` as text without control characters; newlines stay when `lines`."""
    pattern = _CONTROL_BUT_NEWLINE if lines else _CONTROL
    return pattern.sub(lambda found: f"\\x{ord(found[0]):02x}", str(value))


def has_colour(*, err: bool = False) -> bool:
    """Whether colour is welcome: --color / --no-color first, then NO_COLOR, then a terminal."""
    context = click.get_current_context(silent=True)
    if context is not None and context.color is not None:
        return context.color
    if os.environ.get("NO_COLOR"):
        return False
    stream = sys.stderr if err else sys.stdout
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, *, bold: bool = False, err: bool = False) -> str:
    """`text` in `colour` when colour is welcome."""
    return click.style(text, fg=colour or None, bold=bold or None) if has_colour(err=err) else text


def painted_status(status: str, width: int = 0) -> str:
    """A status word in its own colour, padded to `width`."""
    return paint(clean(status).ljust(width), COLOURS.get(status, ""))


def say(text: str = "", *, err: bool = False) -> None:
    """One line (or more) of text, escape codes kept only when colour is welcome."""
    click.echo(text, err=err, color=has_colour(err=err))


def print_json(value: Any) -> None:
    """`value` on stdout as JSON; unknown values become strings."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(rows: Sequence[Mapping[str, object]], columns: Mapping[str, str], *, empty: str) -> None:
    """Rows under headings: `columns` maps key to heading. `empty` is said (to stderr) when there are none."""
    if not rows:
        say(empty, err=True)
        return
    cells = [[clean(_cell(row.get(key))) for key in columns] for row in rows]
    heads = list(columns.values())
    widths = [max(len(head), *(len(line[at]) for line in cells)) for at, head in enumerate(heads)]
    say(
        paint(
            "  ".join(head.ljust(width) for head, width in zip(heads, widths, strict=True)).rstrip(),
            "",
            bold=True,
        )
    )
    for line in cells:
        padded = [
            paint(text.ljust(width), COLOURS[text]) if text in COLOURS else text.ljust(width)
            for text, width in zip(line, widths, strict=True)
        ]
        say("  ".join(padded).rstrip())


def print_fields(fields: Mapping[str, object]) -> None:
    """One `name: value` line per field, aligned; nested values as JSON below their name."""
    width = max((len(name) for name in fields), default=0) + 1
    for name, value in fields.items():
        label = paint(f"{name}:".ljust(width), "", bold=True)
        say(f"{label} {clean(_cell(value), lines=True)}".rstrip())


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
