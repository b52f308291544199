"""Is a value plain JSON? Parsers for YAML can give more. Iterative, so that depth cannot hurt."""

from __future__ import annotations

import math
from typing import Any

from caseway.repo.violation import Path, Violation, pointer
from caseway.repo.words import found, quoted

_SOUND = {bool, int, type(None)}
_TEXT = {str}
DEPTH = 200  # deeper than any reader accepts; below the recursion limits of what follows


def plain_json_problems(value: Any) -> list[Violation]:
    """What in `value` JSON cannot say: other types, non-string keys, NaN, broken text, absurd depth."""
    return [] if _is_plain(value) else _problems(value)


def _is_plain(value: Any) -> bool:
    """The quick answer, level by level and without keeping track of places."""
    level = [value]
    for _ in range(DEPTH + 1):
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is str:
                if not item.isascii() and not _is_text(item):
                    return False
            elif kind is dict:
                below += item  # its keys, which must be sound text too
                below += item.values()
                if not _TEXT.issuperset(map(type, item)):
                    return False
            elif kind is list:
                below += item
            elif kind not in _SOUND and _scalar(item):
                return False
        if not below:
            return True
        level = below
    return False


def _problems(value: Any) -> list[Violation]:
    problems: list[Violation] = []
    rest: list[tuple[Any, Path]] = [(value, ())]
    while rest:
        item, path = rest.pop()
        if len(path) > DEPTH:
            return [Violation(pointer(path), f"nested more than {DEPTH} levels deep", "flatten it", "depth")]
        kind = type(item)
        if kind is dict:
            for key, below in item.items():
                if type(key) is not str:
                    problems.append(_key(path, key))
                elif not key.isascii() and not _is_text(key):
                    problems.append(Violation(pointer(path), "a key is not valid Unicode", "", "type"))
                else:
                    rest.append((below, (*path, key)))
        elif kind is list:
            rest.extend((below, (*path, index)) for index, below in enumerate(item))
        elif message := _scalar(item):
            problems.append(Violation(pointer(path), message, "", "type"))
    return problems[::-1]


def _scalar(item: Any) -> str:
    kind = type(item)
    if kind is str:
        return "" if item.isascii() or _is_text(item) else "the text is not valid Unicode"
    if kind is float:
        return "" if math.isfinite(item) else f"{item} is no number that JSON knows"
    if item is None or kind is bool or kind is int:
        return ""
    return f"{found(item)} is no JSON value; put it in quotes"


def _key(path: Path, key: object) -> Violation:
    shown = quoted(str(key))
    return Violation(
        pointer(path), f"the key {shown} is not a string", f'write it in quotes: "{key}"'[:80], "type"
    )


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
