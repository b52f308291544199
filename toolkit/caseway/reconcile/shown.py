"""Values and names as a terminal or a comment may show them: one line, nothing that steers a terminal."""

from __future__ import annotations

import json
import unicodedata
from itertools import accumulate

from caseway.model.canonical import Json

_UNSAFE = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
ELLIPSIS = "…"


def plain(text: str) -> str:
    """`text` with control, format and direction characters spelled as escapes, so that it stays one line."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(char) if unicodedata.category(char) in _UNSAFE else char for char in text)


def value(item: Json, limit: int) -> str:
    """A JSON value in at most `limit` columns."""
    if isinstance(item, str) and item == "(sensitive)":
        return item
    return fitted(plain(json.dumps(item, ensure_ascii=False)), limit)


def path(pointer: str) -> str:
    """A JSON Pointer as people write it: `/parameters/limit` is `parameters.limit`, odd names in quotes."""
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
    return ".".join(
        token if _is_word(token) else plain(json.dumps(token, ensure_ascii=False)) for token in tokens
    )


def columns(text: str) -> int:
    """How many columns a terminal needs for `text`."""
    return len(text) if text.isascii() else sum(map(_width, text))


def fitted(text: str, limit: int) -> str:
    """`text`, cut with an ellipsis when it is wider than `limit` columns."""
    if columns(text) <= limit:
        return text
    widths = accumulate(map(_width, text), initial=columns(ELLIPSIS))
    return text[: sum(width <= limit for width in widths) - 1] + ELLIPSIS


def padded(text: str, width: int) -> str:
    """`text` filled with blanks up to `width` columns."""
    return text + " " * max(0, width - columns(text))


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def _escaped(char: str) -> str:
    code = ord(char)
    short = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char)
    if short:
        return short
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _is_word(token: str) -> bool:
    return bool(token) and all(char.isalnum() or char in "-_@$" for char in token)
