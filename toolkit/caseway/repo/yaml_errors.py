"""What the YAML parser complains about, in words that say what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from caseway.repo.quote import printable

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufeff\ufffe\uffff]")

_CONFLICT = re.compile(r"^<<<<<<< ", re.MULTILINE)

# libyaml's problem -> what a person should look at. The first text that is contained counts.
_HINTS = (
    ("mapping values are not allowed", "quote a text that holds ': ', or mend the indentation"),
    ("could not find expected ':'", "is a ':' missing after the key, or a text not quoted?"),
    ("did not find expected key", "the lines of one mapping must begin in the same column, each with 'key:'"),
    (
        "did not find expected '-' indicator",
        "the lines of one list must begin in the same column, each with '-'",
    ),
    ("did not find expected ',' or '}'", "close the { with a }, and put commas between its entries"),
    ("did not find expected ',' or ']'", "close the [ with a ], and put commas between its entries"),
    ("found a tab character", "indent with spaces; `caseway validate --fix` does it"),
    ("found unexpected end of stream", "a quote is opened here and never closed"),
    ("found unknown escape character", "write \\\\ for a backslash in double quotes, or use single quotes"),
    ("block sequence entries are not allowed", "begin the list on a line of its own"),
    ("found unexpected ':'", "quote a text that holds ':'"),
    ("did not find expected <document start>", "separate documents with a line '---'"),
    ("did not find expected alphabetic or numeric character", "quote a text that begins with * or &"),
)


@dataclass(frozen=True, slots=True)
class Explained:
    """A finding without its file."""

    code: str
    message: str
    hint: str
    at: tuple[int, int]


def explain(error: Exception, data: bytes) -> Explained:
    """What `error`, raised while reading `data`, means."""
    text = data.decode("utf-8", "replace")
    if (conflict := _CONFLICT.search(text)) is not None and "\n=======\n" in text:
        message = "a merge conflict stands in the file, not resolved"
        hint = "choose what holds, and remove the lines <<<<<<<, ======= and >>>>>>>"
        return Explained("CW101", message, hint, place(text, conflict.start()))
    if isinstance(error, yaml.MarkedYAMLError):
        return _marked(error, text)
    if (control := _CONTROL.search(text)) is not None:
        return control_character(text, control.start())
    return Explained("CW101", f"this is not YAML: {printable(str(error))[:200]}", "", (1, 1))


def control_character(text: str, offset: int) -> Explained:
    """The finding for the character at `offset`."""
    message = f"a control character (U+{ord(text[offset]):04X}) stands in the text"
    return Explained(
        "CW104", message, "remove it, or write it as an escape in double quotes", place(text, offset)
    )


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column of `offset`, 1-based."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _marked(error: yaml.MarkedYAMLError, text: str) -> Explained:
    is_open_quote = error.context == "while scanning a quoted scalar" and error.context_mark is not None
    mark = error.context_mark if is_open_quote else error.problem_mark or error.context_mark
    at = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = error.problem or "it cannot be read"
    message = f"the YAML is broken here: {printable(problem)}"
    if error.context and error.context_mark and error.context_mark.line + 1 != at[0]:
        message += f" ({printable(error.context)} that begins in line {error.context_mark.line + 1})"
    hint = next((hint for part, hint in _HINTS if part in problem), "")
    if problem.startswith("did not find expected ','") and "$[[" in _line(text, at[0]):
        hint = 'quote a placeholder between { } or [ ], as in {name: "$[[ params.name ]]"}'
    if problem.startswith("found character that cannot start"):
        hint = _start_hint(text, at)
    return Explained("CW101", message, hint, at)


def _start_hint(text: str, at: tuple[int, int]) -> str:
    character = _line(text, at[0])[at[1] - 1 : at[1]]
    if character == "\t":
        return "indent with spaces: YAML allows no tabs"
    return f"quote a text that begins with {character}" if character else ""


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number - 1] if number <= len(lines) else ""
