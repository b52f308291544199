"""Every document one small step away from a given one: what a slip of the hand would make of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

REPLACEMENTS: tuple[Any, ...] = (
    *(None, True, 7, -1, 2.5, "", "text", "${ .x }", "https://a.example/b", "PT5M"),
    *([], {}, [1], {"a": 1}),
)


def mutations(document: Any) -> Iterator[tuple[str, Any]]:
    """Pairs of what was done and the changed document."""
    for path in list(paths(document)):
        parent, last = _parent(document, path), path[-1]
        for replacement in REPLACEMENTS:
            if type(parent[last]) is not type(replacement) or parent[last] != replacement:
                yield f"replace {path} by {replacement!r}", _changed(document, path, replacement)
        yield f"remove {path}", _without(document, path)
        if isinstance(parent, dict):
            yield f"rename {path}", _renamed(document, path)
        if isinstance(parent[last], dict):
            yield f"unknown key in {path}", _changed(document, (*path, "unknownKey"), 1)
        if isinstance(parent[last], list) and parent[last]:
            yield f"repeat an item of {path}", _changed(document, path, [*parent[last], parent[last][0]])


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path but the root's."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield from paths(below, (*path, key))


def _parent(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        document = document[key]
    return document


def _changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    copied = _copied(document, path)
    _parent(copied, path)[path[-1]] = copy.deepcopy(value)
    return copied


def _without(document: Any, path: tuple[Any, ...]) -> Any:
    copied = _copied(document, path)
    del _parent(copied, path)[path[-1]]
    return copied


def _renamed(document: Any, path: tuple[Any, ...]) -> Any:
    copied = _copied(document, path)
    parent = _parent(copied, path)
    parent[str(path[-1]) + "x"] = parent.pop(path[-1])
    return copied


def _copied(document: Any, path: tuple[Any, ...]) -> Any:
    """The document with only what lies above the end of the path copied, for speed."""
    copied = copy.copy(document)
    if len(path) > 1:
        copied[path[0]] = _copied(copied[path[0]], path[1:])
    return copied
