"""Safe looks into documents of unknown shape: what is not as expected reads as empty.

Loaded values are plain dicts and lists; asking for `Mapping` instead would take a tenth of a validation.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from caseway.repo.json_pointer import token

MOST_COMPARED = 500  # names that a misspelt one is compared with: comparing is slow

_NOTHING: Mapping[str, Any] = {}


def mapping(value: Any, *keys: str) -> Mapping[str, Any]:
    """The object at the end of `keys`, or an empty one."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else _NOTHING


def text(value: Any, *keys: str) -> str:
    """The string at the end of `keys`, or ""."""
    if keys:
        value = mapping(value, *keys[:-1]).get(keys[-1])
    return value if isinstance(value, str) else ""


def items(value: Any, *keys: str) -> list[Any]:
    """The list at the end of `keys`, or an empty one."""
    if keys:
        value = mapping(value, *keys[:-1]).get(keys[-1])
    return list(value) if isinstance(value, (list, tuple)) else []


def texts(value: Any, *keys: str) -> list[str]:
    """The strings of the list at the end of `keys`."""
    return [item for item in items(value, *keys) if isinstance(item, str)]


def walk(value: Any, pointer: str = "") -> Iterator[tuple[str, str, Any]]:
    """`(pointer, key, value)` of every node below, parents first; `key` is "" for list items."""
    if isinstance(value, dict):
        for key, item in value.items():
            inner = f"{pointer}/{token(str(key))}"
            yield inner, str(key), item
            yield from walk(item, inner)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            inner = f"{pointer}/{index}"
            yield inner, "", item
            yield from walk(item, inner)


def suggestion(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """A hint: the nearest known name, else the short list of them, else `otherwise`."""
    choices = sorted(set(known))
    likely = [choice for choice in choices if abs(len(choice) - len(name)) <= 4]
    near = difflib.get_close_matches(name[:100], likely[:MOST_COMPARED], n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    if choices and len(choices) <= 10:
        return "known: " + ", ".join(choices)
    return otherwise
