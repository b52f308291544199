"""The line a finding is about, cut to what fits and safe to print, with the span to underline. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from caseway.repo.quote import printable

WIDTH = 100
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\']|\'\')*\'|[^\s,:{}\[\]#]+|\S')


@dataclass(frozen=True, slots=True)
class Excerpt:
    """`text` is one line; `start` and `length` are the underlined cells, counted as a terminal does."""

    text: str
    start: int
    length: int


def excerpt(source: str, line: int, column: int) -> Excerpt | None:
    """The excerpt for a 1-based place, None when the file has no such line."""
    lines = source.split("\n", line)
    if not 1 <= line <= len(lines):
        return None
    content = lines[line - 1].rstrip("\r")
    begin = min(max(column - 1, 0), len(content))
    word = _WORD.match(content, begin, begin + 4 * WIDTH)
    end = max(word.end() if word else begin + 1, begin + 1)
    left = max(0, begin - WIDTH // 2) if len(content) > WIDTH else 0
    right = left + WIDTH
    before, marked, after = (
        content[left:begin],
        content[begin : min(end, right)],
        content[min(end, right) : right],
    )
    shown = [_shown(part) for part in (before, marked, after)]
    head, tail = "…" if left else "", "…" if right < len(content) else ""
    return Excerpt(
        head + "".join(shown) + tail, len(head) + _cells(shown[0]), max(1, min(_cells(shown[1]), WIDTH))
    )


def _shown(text: str) -> str:
    return printable(text.replace("\t", " "))


def _cells(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    marks = sum(unicodedata.combining(character) != 0 for character in text)
    return len(text) + wide - marks
