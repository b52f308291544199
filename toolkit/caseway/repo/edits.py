"""Edits of a text that mend one thing: a misspelt key, a word in the wrong case, quotes, white space.

The one rule: an edit names one token at one place; when the text there is not that token, there is no edit.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from caseway.repo.json_pointer import tokens
from caseway.repo.parse import ParsedDocument
from caseway.repo.scalars import UnfitNumberError, plain
from caseway.repo.violation import Violation

_MEANT = re.compile(r"did you mean '([^']+)'")
_UNKNOWN = frozenset({"additionalProperties", "unevaluatedProperties"})
_CHOICE = frozenset({"enum", "const"})
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\n]|\'\')*\'|[^\s,:{}\[\]#"\'&*!|>%@`][^\s,{}\[\]#"\']*')
_PARTIAL_VERSION = re.compile(r"(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the token `old` at a place by `new`. `value` is what the document says there afterwards; a
    renamed key is `key`. `index` is the document's number in its file."""

    index: int
    line: int
    column: int
    old: str
    new: str
    pointer: str
    key: str = ""
    value: Any = None
    names_folder: bool = False

    @staticmethod
    def of_value(document: ParsedDocument, pointer: str, value: str, *, names_folder: bool = False) -> Edit:
        """The edit that writes another plain text in the place of a scalar."""
        line, column = document.positions.at(pointer)
        old = _follow(document.value, pointer)
        return Edit(
            document.index, line, column, str(old), value, pointer, value=value, names_folder=names_folder
        )

    def expected(self, value: Any) -> Any:
        """The document's value after the edit."""
        *parents, last = tokens(self.pointer)
        whole = copy.deepcopy(value)
        holder = whole
        for part in parents:
            holder = holder[int(part)] if isinstance(holder, list) else holder[part]
        if self.key:
            renamed = {self.key if name == last else name: item for name, item in holder.items()}
            holder.clear()
            holder.update(renamed)
        elif isinstance(holder, list):
            holder[int(last)] = self.value
        else:
            holder[last] = self.value
        return whole


def candidates(text: str, document: ParsedDocument, problems: Iterable[Violation]) -> Iterator[Edit]:
    """The edits that may mend what is wrong with a document; some may turn out not to."""
    for problem in problems:
        meant = _MEANT.search(f"{problem.message} {problem.hint}")
        if problem.keyword in _UNKNOWN and meant and "," not in meant[1]:
            yield from _rename(document, problem.pointer, meant[1])
        elif problem.keyword in _CHOICE and meant:
            yield from _respell(document, problem.pointer, meant[1])
        elif problem.keyword in {"type", "pattern"}:
            yield from _requote(text, document, problem.pointer)


def _rename(document: ParsedDocument, pointer: str, key: str) -> Iterator[Edit]:
    *parents, old = tokens(pointer)
    holder = _follow(
        document.value, "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parents)
    )
    if isinstance(holder, dict) and key not in holder and document.positions.has(pointer):
        line, column = document.positions.key(pointer)
        yield Edit(document.index, line, column, old, key, pointer, key=key)


def _respell(document: ParsedDocument, pointer: str, word: str) -> Iterator[Edit]:
    """The same word in another case or with other dashes; any other word would be a guess."""
    found = _follow(document.value, pointer)
    if isinstance(found, str) and _folded(found) == _folded(word) and document.positions.has(pointer):
        yield Edit.of_value(document, pointer, word)


def _folded(word: str) -> str:
    return re.sub(r"[-_ ]", "", word).lower()


def _requote(text: str, document: ParsedDocument, pointer: str) -> Iterator[Edit]:
    """A text that lacks its quotes, such as `version: 1.0`, or a number or boolean that has them."""
    if not document.positions.has(pointer):
        return
    line, column = document.positions.at(pointer)
    token = token_at(text, line, column)
    found = _follow(document.value, pointer)
    if isinstance(found, (int, float)) and token:
        yield Edit(document.index, line, column, token, f'"{token}"', pointer, value=token)
        partial = _PARTIAL_VERSION.fullmatch(token)
        if partial and pointer.endswith("/version"):
            whole = f"{partial[1]}.{partial[2] or 0}.0"
            yield Edit(document.index, line, column, token, f'"{whole}"', pointer, value=whole)
    elif isinstance(found, str) and token[:1] in ("'", '"'):
        try:
            value = plain(found)
        except UnfitNumberError:
            return
        if isinstance(value, (bool, int, float)):
            yield Edit(document.index, line, column, token, found, pointer, value=value)


def _follow(value: Any, pointer: str) -> Any:
    for part in tokens(pointer):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def apply(text: str, edit: Edit) -> str | None:
    """The text after an edit, None when what stands at its place is something else."""
    offset = _offset(text, edit.line, edit.column)
    if offset is None:
        return None
    for quote in ('"', "'", ""):  # what is quoted stays so, unless the quotes are part of what is replaced
        old, new = f"{quote}{edit.old}{quote}", f"{quote}{edit.new}{quote}"
        end = offset + len(old)
        is_whole = old[:1] in ("'", '"') or end == len(text) or text[end : end + 1] in " \t\r\n:,]}#"
        if old and text.startswith(old, offset) and is_whole:
            return text[:offset] + new + text[end:]
    return None


def token_at(text: str, line: int, column: int) -> str:
    """The quoted or plain token at a place, "" when there is none."""
    offset = _offset(text, line, column)
    match = _TOKEN.match(text, offset) if offset is not None else None
    return match[0] if match else ""


def _offset(text: str, line: int, column: int) -> int | None:
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
        if not start:
            return None
    return start + column - 1 if start + column - 1 <= len(text) else None


def tidied(text: str) -> Iterator[str]:
    """The text with canonical white space, one thing after another: line ends, tabs, the last newline."""
    if not text:
        return
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        yield text
    if "\t" in text:
        without = re.sub(
            r"^[ \t]*\t[ \t]*", lambda found: found[0].replace("\t", "  "), text, flags=re.MULTILINE
        )
        yield without
    if not text.endswith("\n"):
        yield text + "\n"
