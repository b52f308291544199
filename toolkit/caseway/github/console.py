"""How a run speaks to the runner it is in: log, annotations, masks, outputs, the step's summary.

Rule: what came from a repository cannot become a command. Log text that could be one stands between
`stop-commands` and a token that nobody can guess; values of outputs stand between delimiters of that kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from caseway.model.diagnostic import Diagnostic, Severity
from caseway.repo.quote import printable
from caseway.repo.reports import as_github, as_text

SUMMARY_LIMIT = 1_000_000  # bytes; GitHub refuses a step's summary above 1 MiB
_MOST_ANNOTATIONS = 200  # GitHub shows ten of a kind for each step; the others are still in the log
_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


class Console(Protocol):
    """What a run tells its runner."""

    def say(self, text: str) -> None:
        """Lines of the log."""
        ...

    def annotate(self, findings: Sequence[Diagnostic], prefix: str) -> None:
        """Findings beside the lines they are about; `prefix` leads from the top of the repository."""
        ...

    def warn(self, message: str, *, is_error: bool = False) -> None:
        """A remark about the run itself."""
        ...

    def mask(self, secret: str) -> None:
        """This value never shows in the log."""
        ...

    def output(self, values: Mapping[str, str]) -> None:
        """What later steps may use."""
        ...

    def summarise(self, markdown: str) -> None:
        """The page that people see of this step."""
        ...


@dataclass(frozen=True, slots=True)
class RunnerFiles:
    """The files that GitHub's runner reads after the step; "" where it gave none."""

    output: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class ActionsConsole:
    """A runner of GitHub or Gitea Actions. `token` makes a word that nobody can guess."""

    write: Callable[[str], None]
    files: RunnerFiles
    token: Callable[[], str]

    def say(self, text: str) -> None:
        """See `Console`."""
        if "::" not in text and "##[" not in text:
            self.write(text.rstrip() + "\n")
            return
        fence = self.token()
        self.write(f"::stop-commands::{fence}\n{text.rstrip()}\n::{fence}::\n")

    def annotate(self, findings: Sequence[Diagnostic], prefix: str) -> None:
        """See `Console`."""
        shown = sorted(findings, key=lambda each: (_RANK[each.severity], each))[:_MOST_ANNOTATIONS]
        for found in shown:  # one by one: `as_github` sorts by file
            self.write(as_github([replace(found, message=printable(found.message))], prefix=prefix))

    def warn(self, message: str, *, is_error: bool = False) -> None:
        """See `Console`."""
        kind = "error" if is_error else "warning"
        self.write(f"::{kind} title=Caseway::{_data(message)}\n")

    def mask(self, secret: str) -> None:
        """See `Console`."""
        if secret:
            self.write(f"::add-mask::{_data(secret)}\n")

    def output(self, values: Mapping[str, str]) -> None:
        """See `Console`."""
        if self.files.output:
            _append(self.files.output, "".join(assignment(*each, self.token) for each in values.items()))

    def summarise(self, markdown: str) -> None:
        """See `Console`."""
        if self.files.summary:
            _append(self.files.summary, markdown)


@dataclass(frozen=True, slots=True)
class PlainConsole:
    """A runner that knows no commands, such as GitLab's: a log, and outputs as a dotenv report."""

    write: Callable[[str], None]
    dotenv: str = ""

    def say(self, text: str) -> None:
        """See `Console`."""
        self.write(text.rstrip() + "\n")

    def annotate(self, findings: Sequence[Diagnostic], prefix: str) -> None:
        """See `Console`."""
        self.write(as_text([replace(each, file=prefix + each.file) for each in findings]))

    def warn(self, message: str, *, is_error: bool = False) -> None:
        """See `Console`."""
        self.write(f"{'error' if is_error else 'warning'}: {message}\n")

    def mask(self, secret: str) -> None:
        """See `Console`: this runner cannot be told; nothing here prints a secret."""

    def output(self, values: Mapping[str, str]) -> None:
        """See `Console`: one line each, so that what needs several is left out."""
        lines = [
            f"CASEWAY_{name.upper().replace('-', '_')}={value}"
            for name, value in values.items()
            if "\n" not in value and "\r" not in value
        ]
        if self.dotenv:
            _append(self.dotenv, "\n".join(lines) + "\n")

    def summarise(self, markdown: str) -> None:
        """See `Console`: this runner has no such page; the comment holds the same."""


def assignment(name: str, value: str, token: Callable[[], str]) -> str:
    """One output as the runner's file wants it, whatever the value holds."""
    fence = f"caseway_{token()}"
    while fence in value:
        fence = f"caseway_{token()}"
    return f"{name}<<{fence}\n{value}\n{fence}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _append(path: str, text: str) -> None:
    with Path(path).open("a", encoding="utf-8", errors="replace", newline="") as file:
        file.write(text)
