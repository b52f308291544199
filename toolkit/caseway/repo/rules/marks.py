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


NOTED = frozenset({"retry", "retries", "call", "run", "listen", "wait", "catch"})


@dataclass(frozen=True, slots=True)
class Marks:
    """By pointer: texts that open a placeholder, keys that do, values under a key that says it is secret,
    and `run: workflow` tasks. `noted` are those of NOTED that are keys anywhere."""

    placeholders: list[tuple[str, str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    telling: list[tuple[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    noted: set[str] = field(default_factory=set)


def read_marks(value: Any) -> Marks:
    """The marks of a document, in its order."""
    found = Marks()
    _walk(value, [], found)
    return found


def _walk(value: Any, path: list[str | int], found: Marks) -> None:
    """Texts are looked at where they are met: most nodes are texts, and a call for each would cost most."""
    if type(value) is dict:
        for key, item in value.items():
            kind = type(item)
            if OPENING in key:
                found.keys.append(pointer([*path, key]))
            if kind is str:
                _text(key, item, path, found)
            if key in NOTED:
                found.noted.add(key)
            if kind is dict or kind is list:
                path.append(key)
                if kind is dict:
                    _object(key, item, path, found)
                _walk(item, path, found)
                path.pop()
    elif type(value) is list:
        for index, item in enumerate(value):
            kind = type(item)
            if kind is str:
                if OPENING in item:
                    found.placeholders.append((pointer([*path, index]), item))
            elif kind is dict or kind is list:
                path.append(index)
                if kind is dict:
                    _object("", item, path, found)
                _walk(item, path, found)
                path.pop()
    elif type(value) is str and OPENING in value:
        found.placeholders.append((pointer(path), value))


def _text(key: str, item: str, path: list[str | int], found: Marks) -> None:
    if OPENING in item:
        found.placeholders.append((pointer([*path, key]), item))
    if is_telling(key):
        found.telling.append((pointer([*path, key]), item))


def _object(key: str, item: dict[str, Any], path: list[str | int], found: Marks) -> None:
    if "default" in item and _declares_secret(key, item, path):
        found.telling.append((pointer([*path, "default"]), item.get("default")))
    if key == "workflow" and len(path) > 1 and path[-2] == "run":
        found.calls.append((pointer(path), item))


def _declares_secret(key: str, item: Mapping[str, Any], path: list[str | int]) -> bool:
    """Whether a node is the schema or the form field of a parameter with a telling name."""
    name = item.get("key")
    is_property = len(path) > 1 and path[-2] == "properties" and is_telling(key)
    return is_property or ("type" in item and isinstance(name, str) and is_telling(name))
