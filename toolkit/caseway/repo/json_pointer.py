"""RFC 6901 JSON Pointers: writing a reference token, splitting a pointer, following it. No I/O here."""

from __future__ import annotations

from typing import Any


def token(part: str | int) -> str:
    """`part` as a reference token."""
    text = str(part)
    return text.replace("~", "~0").replace("/", "~1") if "~" in text or "/" in text else text


def tokens(pointer: str) -> list[str]:
    """The parts of `pointer`, unescaped."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def parent(pointer: str) -> str:
    """The pointer of what holds `pointer`; "" for the document."""
    return pointer.rpartition("/")[0]


def follow(value: Any, pointer: str) -> Any:
    """What stands at `pointer` in `value`; None when there is nothing."""
    for part in tokens(pointer):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value
