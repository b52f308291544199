"""What several rules look for in every node of a document, found in one walk, since walking is what costs.

The one rule: pointers are written only for what is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from caseway.repo.placeholders import OPENING
from caseway.repo.secrets_scan import is_telling
from caseway.repo.violation import pointer


@dataclass(frozen=True, slots=True)
class Marks:
    """By pointer: texts that open a placeholder, keys that do, values under a key that says it is secret,
    and `run: workflow` tasks."""

    placeholders: list[tuple[str, str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    telling: list[tuple[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)


def read_marks(value: Any) -> Marks:
    """The marks of a document, in its order."""
    found = Marks()
    _walk(value, [], found)
    return found


def _walk(value: Any, path: list[str | int], found: Marks) -> None:
    if isinstance(value, str):
        if OPENING in value:
            found.placeholders.append((pointer(path), value))
    elif isinstance(value, dict):
        for key, item in value.items():
            path.append(key)
            _key(str(key), item, path, found)
            _walk(item, path, found)
            path.pop()
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            path.append(index)
            if isinstance(item, dict):
                _key("", item, path, found)
            _walk(item, path, found)
            path.pop()


def _key(key: str, item: Any, path: list[str | int], found: Marks) -> None:
    if OPENING in key:
        found.keys.append(pointer(path))
    if isinstance(item, str):
        if is_telling(key):
            found.telling.append((pointer(path), item))
    elif isinstance(item, dict):
        if _declares_secret(key, item, path):
            found.telling.append((pointer([*path, "default"]), item.get("default")))
        if key == "workflow" and len(path) > 1 and path[-2] == "run":
            found.calls.append((pointer(path), item))


def _declares_secret(key: str, item: Mapping[str, Any], path: list[str | int]) -> bool:
    """Whether a node is the schema or the form field of a parameter with a telling name."""
    if "default" not in item:
        return False
    name = item.get("key")
    is_property = len(path) > 1 and path[-2] == "properties" and is_telling(key)
    return is_property or ("type" in item and isinstance(name, str) and is_telling(name))
