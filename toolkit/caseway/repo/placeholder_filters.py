"""The filters and tests that placeholders know: the few of Jinja2's that make sense for deploy-time values.

The one rule: every filter takes and gives JSON values, and no filter grows a text beyond MAX_TEXT.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from caseway.repo.placeholder_error import PlaceholderError

MAX_TEXT = 1_000_000


_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _tojson(value)


def _bounded(size: int) -> None:
    if size > MAX_TEXT:
        raise PlaceholderError(f"the text would exceed {MAX_TEXT:,} characters")


def _replace(value: Any, old: str, new: str) -> str:
    text, old, new = _text(value), _text(old), _text(new)
    if not old:
        raise PlaceholderError("`replace` needs a text to look for")
    _bounded(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def _join(value: Any, separator: str = "") -> str:
    if not isinstance(value, (list, tuple)):
        raise PlaceholderError("`join` needs a list")
    parts = [_text(item) for item in value]
    _bounded(sum(map(len, parts)) + len(parts) * len(separator))
    return _text(separator).join(parts)


def _tojson(value: Any) -> str:
    pieces, size = [], 0
    for piece in _ENCODER.iterencode(value):  # piece by piece: a value may hold another many times over
        size += len(piece)
        _bounded(size)
        pieces.append(piece)
    return "".join(pieces)


def _unique(value: Any) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise PlaceholderError("`unique` needs a list")
    return list({_tojson(item): item for item in reversed(value)}.values())[::-1]


def _sized(value: Any) -> Any:
    if not isinstance(value, (str, list, tuple, Mapping)):
        raise PlaceholderError("`length` needs a text, a list or an object")
    return len(value)


def _item(index: int) -> Callable[[Any], Any]:
    def item(value: Any) -> Any:
        if isinstance(value, (str, list, tuple)) and value:
            return value[index]
        raise PlaceholderError("there is no first or last item: the value is empty or not a list")

    return item


def _integer(value: Any) -> int:
    if isinstance(value, (int, float, str)) and len(str(value)) < 400:
        return int(float(value)) if isinstance(value, str) and "." in value else int(value)
    raise PlaceholderError("`int` needs a number or a text that is one")


FILTERS: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "count": _sized,
    "d": lambda value, *_: value,
    "default": lambda value, *_: value,
    "first": _item(0),
    "float": float,
    "int": _integer,
    "join": _join,
    "last": _item(-1),
    "length": _sized,
    "lower": lambda value: _text(value).lower(),
    "replace": _replace,
    "round": lambda value, digits=0: round(value, digits),
    "sort": sorted,
    "string": _text,
    "title": lambda value: _text(value).title(),
    "tojson": _tojson,
    "trim": lambda value: _text(value).strip(),
    "unique": _unique,
    "upper": lambda value: _text(value).upper(),
    "urlencode": lambda value: quote(_text(value), safe=""),
}

TESTS: Mapping[str, Callable[..., bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "defined": lambda _: True,
    "mapping": lambda value: isinstance(value, Mapping),
    "none": lambda value: value is None,
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "sequence": lambda value: isinstance(value, (list, tuple)),
    "string": lambda value: isinstance(value, str),
    "undefined": lambda _: False,
}
