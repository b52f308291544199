"""One way in which a value breaks its schema, and the path language that says where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Violation:
    """`pointer` is the RFC 6901 pointer of the offending value (of the key, when the key itself is wrong; of
    the enclosing object, when a key is missing). `message` is for people, `hint` says what to do next,
    `keyword` is the JSON Schema keyword that failed."""

    pointer: str
    message: str
    hint: str = ""
    keyword: str = ""


def pointer(path: Iterable[str | int]) -> str:
    """The JSON Pointer of a path."""
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in path)
