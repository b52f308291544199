"""Reads a project, and judges what was found in it: the same for every way from a repo to a platform."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caseway.model.diagnostic import Diagnostic, Severity
from caseway.model.errors import CasewayError

if TYPE_CHECKING:
    from caseway.repo.read import Reading


class InvalidProject(CasewayError):
    """The project has errors, so nothing was planned. `diagnostics` holds them."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        count = sum(item.severity == Severity.ERROR for item in diagnostics)
        words = "1 error" if count == 1 else f"{count} errors"
        super().__init__(
            f"the project has {words}; nothing was done",
            code="invalid-project",
            place=_place(diagnostics),
            hint="'caseway validate' explains each, docs/rules.md their codes",
        )
        self.diagnostics = tuple(diagnostics)


def _place(diagnostics: Sequence[Diagnostic]) -> str:
    first = next((item for item in diagnostics if item.severity == Severity.ERROR), None)
    return f"{first.file}:{first.line}:{first.column}" if first else ""


def read_project(root: Path, *, ref: str | None = None, since: str = "") -> Reading:
    """The reading of the project(s) at `root`, from the work tree or from `ref`; with the secrets that
    commits after `since` add."""
    from caseway.repo.read import read  # noqa: PLC0415 - a command line that reads no repo is quick

    reading = read(root, ref=ref)
    if since:
        reading = with_range(reading, since, ref)
    if not reading.projects and not reading.diagnostics:
        hint = "run 'caseway init' to make one, or choose one with -C"
        raise CasewayError("no caseway.yaml here or below", code="no-project", place=str(root), hint=hint)
    return reading


def with_range(reading: Reading, since: str, until: str | None = None) -> Reading:
    """The reading with the secrets that commits after `since` add, anywhere in the repository."""
    from caseway.repo.added_secrets import secrets_added  # noqa: PLC0415 - as above

    found = secrets_added(reading.root, since, until, prefix=reading.prefix)
    return replace(reading, diagnostics=tuple(sorted([*reading.diagnostics, *found])))


def require_valid(reading: Reading) -> None:
    """Raise `InvalidProject` when there is any error: validation always runs before planning."""
    if is_bad(reading.diagnostics, strict=False):
        raise InvalidProject(reading.diagnostics)


def is_bad(diagnostics: Iterable[Diagnostic], *, strict: bool) -> bool:
    """Whether an error (or, when `strict`, a warning) is among them."""
    bad = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    return any(item.severity in bad for item in diagnostics)


def diagnostic_json(item: Diagnostic) -> dict[str, Any]:
    """One diagnostic in the shape of `caseway validate --format json`."""
    return {
        "file": item.file,
        "line": item.line,
        "column": item.column,
        "pointer": item.pointer,
        "code": item.code,
        "severity": str(item.severity),
        "message": item.message,
        "hint": item.hint,
        "fixable": item.fixable,
    }
