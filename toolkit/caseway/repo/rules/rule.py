"""What a rule is: a code, words for people, two examples, and a function from the project to findings.

The one rule: a check only looks. It never reads files itself, never changes what it is given, and takes
nothing for granted about the shape of a document, since it also sees those the schema refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from caseway.model.diagnostic import Diagnostic, Severity
from caseway.repo.quote import printable
from caseway.repo.rules.shape import mapping

if TYPE_CHECKING:
    from caseway.repo.load import Document
    from caseway.repo.rules.view import View

LONGEST = 600  # characters of a message: names in it come from the repo and may be endless


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a rule does not hold; the registry adds the rule's code, and its severity where the
    finding has none of its own."""

    file: str
    line: int
    column: int
    pointer: str
    message: str
    hint: str = ""
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """`example_bad` and `example_good` are one or more files, each begun by a line `# <path>`; they are laid
    over a small valid project (docs.py) by the tests, which run the real loader on the result.

    `compares_all` must be set for a rule that looks at several use cases at once. What any other rule finds
    is remembered by use case (units.py), and must follow from the use case, its instances, what they name,
    and the Project, Runtime and Connection documents."""

    code: str
    name: str
    severity: Severity
    summary: str
    why: str
    example_bad: str
    example_good: str
    check: Callable[[View], Iterable[Finding]]
    fixable: bool = False
    compares_all: bool = False


def elsewhere(_: View) -> Iterable[Finding]:
    """The check of a rule that the loader or the schemas carry out themselves."""
    return ()


def at(document: Document, pointer: str, message: str, hint: str = "", *, key: bool = False) -> Finding:
    """A finding at a node of a document, or at the key of that node."""
    line, column = document.positions.key(pointer) if key else document.positions.at(pointer)
    return Finding(document.path, line, column, pointer, message, hint)


def milder(finding: Finding, instance: Document) -> Finding:
    """The finding as far as it concerns an instance that may run another version than the one in the repo:
    a note for a pinned one, a warning for one that follows a range."""
    version = mapping(instance.value, "spec").get("version", "*")
    if not isinstance(version, str) or version.strip() in ("*", "latest", ""):
        return finding
    is_pinned = re.fullmatch(r"\s*(==?)?\s*v?\d+\.\d+\.\d+\S*\s*", version) is not None
    return replace(finding, severity=Severity.NOTE if is_pinned else Severity.WARNING)


def as_diagnostic(rule: Rule, finding: Finding) -> Diagnostic:
    """The finding under its rule's code and severity."""
    return Diagnostic(
        file=printable(finding.file),
        line=finding.line,
        column=finding.column,
        pointer=printable(finding.pointer),
        code=rule.code,
        severity=finding.severity or rule.severity,
        message=printable(finding.message)[:LONGEST],
        hint=printable(finding.hint)[:LONGEST],
        fixable=rule.fixable,
    )
