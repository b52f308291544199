"""Findings that a project has decided to live with: a comment in the file or an entry in `caseway.yaml`.

The one rule: an ignore gives its reason and hides something, or it is itself a finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from caseway.model.diagnostic import Diagnostic, Severity
from caseway.repo.globs import matches_any
from caseway.repo.rules.shape import items, text
from caseway.repo.rules.view import View, spec

MARK = "caseway: ignore"
_COMMENT = re.compile(
    r"(?:#|<!--)\s*caseway: ignore(?P<file>-file)?\s+(?P<codes>CW\d+(?:\s*,\s*CW\d+)*)"
    r"\s*(?:--+(?P<reason>[^\n]*))?"
)

# Never hidden: without them nothing else can be trusted.
_ALWAYS = ("CW0", "CW1")


@dataclass(frozen=True, slots=True)
class Ignore:
    """One ignore: the rules, where it holds (`lines` empty: the whole of every file that `glob` matches)."""

    codes: tuple[str, ...]
    glob: str
    lines: tuple[int, ...]
    reason: str
    place: tuple[str, int, int, str]

    def hides(self, diagnostic: Diagnostic) -> bool:
        """Whether a finding is one of those meant."""
        if diagnostic.code not in self.codes or diagnostic.code.startswith(_ALWAYS):
            return False
        if self.lines:
            return diagnostic.file == self.glob and diagnostic.line in self.lines
        return diagnostic.file == self.glob or matches_any(diagnostic.file, (self.glob,))


def suppress(
    view: View, found: Sequence[Diagnostic], marked: Mapping[str, str], *, is_partial: bool
) -> Iterator[Diagnostic]:
    """The findings that nothing hides, and those about the ignores themselves. `marked` are the texts of the
    files that hold ignores, by path. When only some rules ran
    (`is_partial`) nobody can say which ignores hide nothing."""
    ignores = tuple(_ignores(view, marked))
    used: set[Ignore] = set()
    for diagnostic in found:
        hiding = [ignore for ignore in ignores if ignore.hides(diagnostic) and ignore.reason]
        used.update(hiding)
        if not hiding:
            yield diagnostic
    for ignore in ignores:
        codes = ", ".join(ignore.codes)
        if not ignore.reason:
            hint = f"write `# {MARK} {codes} -- <why>`"
            yield _note("CW002", ignore, f"the ignore of {codes} gives no reason and is not in force", hint)
        elif ignore not in used and not is_partial:
            yield _note("CW003", ignore, f"the ignore of {codes} hides nothing", "remove it")


def _note(code: str, ignore: Ignore, message: str, hint: str) -> Diagnostic:
    file, line, column, pointer = ignore.place
    return Diagnostic(file, line, column, pointer, code, Severity.NOTE, message, hint)


def _ignores(view: View, marked: Mapping[str, str]) -> Iterator[Ignore]:
    for path, content in marked.items():
        yield from in_text(path, content)
    for project in view.of_kind("Project"):
        for index, entry in enumerate(items(spec(project), "lint", "ignore")):
            pointer = f"/spec/lint/ignore/{index}"
            line, column = project.positions.at(pointer)
            place = (project.path, line, column, pointer)
            glob = text(entry, "path") or "**"
            yield Ignore((text(entry, "rule"),), glob, (), text(entry, "reason").strip(), place)


def in_text(path: str, content: str) -> Iterable[Ignore]:
    """The ignores that the comments of one file hold."""
    for number, line in enumerate(content.splitlines(), start=1):
        if MARK not in line or not (match := _COMMENT.search(line)):
            continue
        codes = tuple(re.findall(r"CW\d+", match["codes"]))
        reason = (match["reason"] or "").replace("-->", "").strip()
        is_alone = not line[: match.start()].strip()
        lines = () if match["file"] else (number + 1 if is_alone else number,)
        yield Ignore(codes, path, lines, reason, (path, number, match.start() + 1, ""))
