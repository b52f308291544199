"""What several rules look for in every node of a document, found in one walk, since walking is what costs.

The one rule: pointers are written only for what is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from caseway.repo.placeholders import OPENING
from caseway.repo.secrets_scan import is_telling
from caseway.repo.violation import pointer

NOTED = frozenset({"retry", "retries", "call", "run", "listen", "wait", "catch", "resource", "source"})


@dataclass(frozen=True, slots=True)
class Marks:
    """By pointer: texts that open a placeholder, keys that do, values under a key that says it is secret.
    `noted` are those of NOTED that are keys anywhere."""

    placeholders: list[tuple[str, str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    telling: list[tuple[str, Any]] = field(default_factory=list)
    noted: set[str] = field(default_factory=set)


def read_marks(value: Any) -> Marks:
    """The marks of a document, in its order."""
    found = Marks()
    _walk(value, [], found)
    return found


def _walk(value: Any, path: list[str | int], found: Marks) -> None:
    """Texts are looked at where they are met: most nodes are texts, and a call for each would cost most."""
    kind = type(value)
    if kind is dict:
        _members(value, path, found)
    elif kind is list:
        for index, item in enumerate(value):
            if type(item) is dict or type(item) is list or (type(item) is str and OPENING in item):
                _below(index, item, path, found)
    elif kind is str and OPENING in value:
        found.placeholders.append((pointer(path), value))


def _members(value: dict[str, Any], path: list[str | int], found: Marks) -> None:
    for key, item in value.items():
        if OPENING in key:
            found.keys.append(pointer([*path, key]))
        if key in NOTED:
            found.noted.add(key)
        kind = type(item)
        if kind is str:
            _text(key, item, path, found)
        elif kind is dict or kind is list:
            _below(key, item, path, found)


def _below(key: str | int, item: Any, path: list[str | int], found: Marks) -> None:
    path.append(key)
    if type(item) is dict:
        _object(key, item, path, found)
    _walk(item, path, found)
    path.pop()


def read_calls(value: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """Only the calls of a document, for those who look through all documents for nothing else."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    rest: list[tuple[Any, tuple[str | int, ...]]] = [(value, ())] if type(value) is dict else []
    while rest:
        node, path = rest.pop()
        if type(node) is dict:
            run = node.get("run")
            if type(run) is dict and type(run.get("workflow")) is dict:
                found.append((pointer([*path, "run", "workflow"]), run["workflow"]))
            below: Iterable[tuple[str | int, Any]] = node.items()
        else:
            below = enumerate(node)
        rest += [(item, (*path, key)) for key, item in below if type(item) is dict or type(item) is list]
    return found


def _text(key: str, item: str, path: list[str | int], found: Marks) -> None:
    if OPENING in item:
        found.placeholders.append((pointer([*path, key]), item))
    if is_telling(key):
        found.telling.append((pointer([*path, key]), item))


def _object(key: str | int, item: dict[str, Any], path: list[str | int], found: Marks) -> None:
    if "default" in item and _declares_secret(key, item, path):
        found.telling.append((pointer([*path, "default"]), item.get("default")))


def _declares_secret(key: str | int, item: Mapping[str, Any], path: list[str | int]) -> bool:
    """Whether a node is the schema or the form field of a parameter with a telling name."""
    name = item.get("key")
    is_property = len(path) > 1 and path[-2] == "properties" and is_telling(str(key))
    return is_property or ("type" in item and isinstance(name, str) and is_telling(name))
