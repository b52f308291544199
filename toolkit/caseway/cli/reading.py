"""Reads a project for a command, and judges what was found in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caseway.cli.project_folder import has_project_file
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


@dataclass(frozen=True, slots=True)
class RuleChoice:
    """Which codes count: all, or those included; never those excluded. A short code means all below it."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @classmethod
    def of(cls, include: Iterable[str], exclude: Iterable[str]) -> RuleChoice:
        """From options that may be repeated or comma separated."""
        return cls(_codes(include, "--rules"), _codes(exclude, "--exclude-rules"))

    def has(self, code: str) -> bool:
        """Whether findings of `code` are wanted. A crashed rule (CW0xx) always is."""
        if code.startswith("CW0"):
            return True
        if code.startswith(self.exclude or ("?",)):
            return False
        return not self.include or code.startswith(self.include)


def _codes(given: Iterable[str], option: str) -> tuple[str, ...]:
    codes = tuple(code.strip().upper() for text in given for code in text.split(",") if code.strip())
    for code in codes:
        if not code.startswith("CW") or not code[2:].isdigit() or len(code) > 5:
            raise click.BadParameter(f"{code!r} is no code such as CW301 or CW3", param_hint=option)
    return codes


def read_project(root: Path, *, ref: str | None = None) -> Reading:
    """The reading of the project(s) at `root`, from the work tree or from `ref`."""
    from caseway.repo.read import read

    reading = read(root, ref=ref)
    if not reading.projects and not reading.diagnostics:
        hint = "run 'caseway init' to make one, or choose one with -C"
        raise CasewayError("no caseway.yaml here or below", code="no-project", place=str(root), hint=hint)
    return reading


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


def values_of(text: str, name: str, option: str) -> list[Any]:
    """The values of a YAML text given on the command line."""
    from caseway.worker.surroundings import parsed_values

    try:
        return parsed_values(text.encode(), name)
    except CasewayError as error:
        raise click.BadParameter(f"{error.message} ({error.place})", param_hint=option) from error


def is_project(root: Path) -> bool:
    """Whether `root` holds a project file itself."""
    return has_project_file(root)
