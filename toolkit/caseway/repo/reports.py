"""Findings rendered: as text for people, JSON for programs, workflow commands for GitHub, SARIF for scanners.

The one rule: what came from a repo is made printable before it is shown; no format adds or hides a finding.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from caseway.model.canonical import JsonObject
from caseway.model.diagnostic import Diagnostic, Severity
from caseway.model.errors import CasewayError
from caseway.repo.excerpt import excerpt
from caseway.repo.quote import printable
from caseway.repo.rules.shape import mapping
from caseway.repo.sarif import sarif

if TYPE_CHECKING:
    from caseway.repo.load import LoadedProject

__all__ = [
    "FORMATS",
    "as_github",
    "as_json",
    "as_text",
    "asks_strict",
    "fails",
    "render",
    "summary",
    "texts_of",
]

FORMATS = ("text", "json", "github", "sarif")

_COLORS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def render(
    diagnostics: Iterable[Diagnostic],
    format: str,
    *,
    color: bool = False,
    strict: bool = False,
    source: Callable[[str], str] | None = None,
    prefix: str = "",
) -> str:
    """The findings in one of FORMATS; text is "" when there are none.

    `source` gives the text of a file, for excerpts; `prefix` goes before file names where others resolve them
    (github, sarif). Raises CasewayError for another format.
    """
    found = sorted(diagnostics)
    match format:
        case "text":
            return as_text(found, color=color, source=source)
        case "json":
            return json.dumps(as_json(found, strict=strict), ensure_ascii=False, indent=2) + "\n"
        case "github":
            return as_github(found, prefix=prefix)
        case "sarif":
            return json.dumps(sarif(found, prefix=prefix), ensure_ascii=False, indent=2) + "\n"
        case _:
            hint = f"known: {', '.join(FORMATS)}"
            raise CasewayError(f"there is no report format {format!r}", code="unknown-format", hint=hint)


def texts_of(projects: Sequence[LoadedProject]) -> Callable[[str], str]:
    """Where `render` finds the text of a file named in findings of these projects; each is read once."""

    @cache
    def text(path: str) -> str:
        inside = [project for project in projects if path.startswith(project.root)]
        project = max(inside, key=lambda each: len(each.root), default=None)
        return project.text(path.removeprefix(project.root)) if project else ""

    return text


def fails(diagnostics: Iterable[Diagnostic], *, strict: bool = False) -> bool:
    """Whether validation fails: an error, or when `strict` a warning, is among the findings."""
    failing = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    return any(diagnostic.severity in failing for diagnostic in diagnostics)


def asks_strict(projects: Sequence[LoadedProject]) -> bool:
    """Whether one of the projects says `lint: {strict: true}` itself."""
    documents = (document for project in projects for document in project.documents)
    lint = (mapping(document.value, "spec", "lint") for document in documents if document.kind == "Project")
    return any(settings.get("strict") is True for settings in lint)


def as_json(diagnostics: Sequence[Diagnostic], *, strict: bool = False) -> JsonObject:
    """`{"valid", "diagnostics": [...]}` as DESIGN section 8 fixes it."""
    return {
        "valid": not fails(diagnostics, strict=strict),
        "diagnostics": [
            {
                "file": found.file,
                "line": found.line,
                "column": found.column,
                "pointer": found.pointer,
                "code": found.code,
                "severity": str(found.severity),
                "message": found.message,
                "hint": found.hint,
            }
            for found in diagnostics
        ],
    }


def as_text(
    diagnostics: Sequence[Diagnostic], *, color: bool = False, source: Callable[[str], str] | None = None
) -> str:
    """One paragraph per finding, with the line it is about, and a last line that counts them."""
    if not diagnostics:
        return ""
    paint = _painter(color)
    paragraphs = [_paragraph(found, paint, source) for found in diagnostics]
    return "\n".join(paragraphs) + "\n" + paint("1", summary(diagnostics)) + "\n"


def _paragraph(
    found: Diagnostic, paint: Callable[[str, str], str], source: Callable[[str], str] | None
) -> str:
    place = ":".join([printable(found.file), *(str(n) for n in (found.line, found.column) if found.line)])
    label = paint(f"1;{_COLORS[found.severity]}", f"{found.severity} {found.code}")
    lines = [f"{paint('1', place)}: {label} {printable(found.message)}"]
    margin = " " * 5
    if source is not None and found.line:
        shown = excerpt(source(found.file), found.line, found.column)
        if shown is not None:
            bar = paint("2", "|")
            lines.append(f"{margin}{bar}")
            lines.append(f"{paint('2', f'{found.line:>4}')} {bar} {shown.text}")
            lines.append(
                f"{margin}{bar} {' ' * shown.start}{paint(_COLORS[found.severity], '^' * shown.length)}"
            )
    if found.hint:
        lines.append(f"{margin}{paint('2', '=')} {printable(found.hint)}")
    return "\n".join(lines) + "\n"


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """How many findings of which severity in how many files, and how many `--fix` would mend."""
    counts = Counter(found.severity for found in diagnostics)
    parts = [_counted(counts[severity], str(severity)) for severity in _ORDER if counts[severity]]
    files = _counted(len({found.file for found in diagnostics}), "file")
    fixable = sum(found.fixable for found in diagnostics)
    tail = f"; {fixable} fixable with `caseway validate --fix`" if fixable else ""
    return f"found {', '.join(parts) or 'nothing'} in {files}{tail}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _painter(color: bool) -> Callable[[str, str], str]:
    return (lambda codes, text: f"\x1b[{codes}m{text}\x1b[0m") if color else (lambda _, text: text)


def as_github(diagnostics: Sequence[Diagnostic], *, prefix: str = "") -> str:
    """One workflow command per finding, which GitHub shows beside the line it is about."""
    return "".join(_command(found, prefix) + "\n" for found in diagnostics)


def _command(found: Diagnostic, prefix: str) -> str:
    properties = {"file": prefix + found.file, "line": found.line, "col": found.column}
    shown = {key: value for key, value in properties.items() if value}
    shown["title"] = f"Caseway {found.code}"
    written = ",".join(f"{key}={_property(str(value))}" for key, value in shown.items())
    text = found.message + (f"\n{found.hint}" if found.hint else "")
    return f"::{_COMMANDS[found.severity]} {written}::{_data(text)}"


def _data(text: str) -> str:
    """Text after the second `::`; what would end the command is escaped as the runner undoes it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
