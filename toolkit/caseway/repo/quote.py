"""Text from a repo, made safe to print.

Rule: whatever came from a repo reaches a message only through here, so that no name can move a cursor,
recolour a terminal, hide text behind a direction override or break a log line.
"""

from __future__ import annotations

import re

QUOTED_LENGTH = 80

# C0 and C1 controls, line separators, direction overrides, invisible marks, tags, lone surrogates.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e"}


def printable(text: str) -> str:
    """`text` with every character that does not print written as an escape (`\\n`, `\\e`, `\\u202e`)."""
    return _UNPRINTABLE.sub(_escape, text)


def is_printable(text: str) -> bool:
    """Whether `printable` would leave `text` as it is."""
    return _UNPRINTABLE.search(text) is None


def quoted(text: str, limit: int = QUOTED_LENGTH) -> str:
    """`text` in single quotes, printable and cut to `limit` characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return f"'{printable(cut)}'"


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if character in _SHORT:
        return _SHORT[character]
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that was not UTF-8, as file names carry them
        return f"\\x{number - 0xDC00:02x}"
    return (
        f"\\x{number:02x}"
        if number < 0x100
        else f"\\u{number:04x}"
        if number < 0x10000
        else f"\\U{number:08x}"
    )
