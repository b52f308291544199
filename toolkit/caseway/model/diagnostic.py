"""What is wrong in a repo is a value: collected, then rendered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """SARIF levels. `error` must be mended, `warning` should be, `note` is a nit."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """One finding: where (1-based line and column, 0 when a whole file is meant), what, and what to do.

    `file` is relative to the project root, with forward slashes. `pointer` is an RFC 6901 JSON Pointer into
    the document. `code` is a rule id of docs/rules.md.
    """

    file: str
    line: int
    column: int
    pointer: str
    code: str
    severity: Severity
    message: str
    hint: str = ""
    fixable: bool = False
