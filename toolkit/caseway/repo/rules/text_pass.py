"""What can be said of files as text, found in one pass over them, since reading is what costs.

The one rule: each file is read once and forgotten; only findings stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from caseway.repo.secrets_scan import Secret, tokens, url_logins

MARK = "caseway: ignore"
LONGEST = 2_000_000
_SPACED = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Untidy:
    """White space that is not canonical: where, and what is wrong."""

    line: int
    column: int
    what: str


@dataclass(frozen=True, slots=True)
class Texts:
    """What the pass found, by path. `marked` are the texts that hold ignore comments."""

    tokens: dict[str, tuple[Secret, ...]] = field(default_factory=dict)
    logins: dict[str, tuple[Secret, ...]] = field(default_factory=dict)
    untidy: dict[str, tuple[Untidy, ...]] = field(default_factory=dict)
    marked: dict[str, str] = field(default_factory=dict)


def read_texts(files: Iterable[tuple[str, bytes]]) -> Texts:
    """Look through every file once; what is not text is passed over."""
    found = Texts()
    for path, data in files:
        text = text_of(data)
        if secrets := tuple(tokens(text)):
            found.tokens[path] = secrets
        if logins := tuple(url_logins(text)):
            found.logins[path] = logins
        if MARK in text:
            found.marked[path] = text
        if path.endswith(_SPACED) and (spaces := tuple(untidy(text))):
            found.untidy[path] = spaces
    return found


def text_of(data: bytes) -> str:
    """A file as text, "" when it is none."""
    if b"\0" in data[:1024] or len(data) > LONGEST:
        return ""  # not text, or too long to be written by a person
    return data.decode("utf-8", "replace")


def untidy(text: str) -> Iterable[Untidy]:
    """Carriage returns and a missing newline at the end: at most one of each."""
    if not text:
        return
    if "\r" in text:
        line = text.count("\n", 0, text.index("\r")) + 1
        yield Untidy(line, 1, "lines end with a carriage return")
    if not text.endswith("\n"):
        last = text.rfind("\n")
        yield Untidy(text.count("\n") + 1, len(text) - last, "the last line has no newline")
