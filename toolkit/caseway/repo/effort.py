"""How much work it is to check a value against a schema of the user's own. Pure.

Alternatives that refer to alternatives multiply: a schema of twenty lines can keep a validator busy for
years. So the work is counted first, and given up beyond a budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from caseway.repo.explain import resolve

BUDGET = 50_000  # steps; an ordinary form takes a few hundred
_HERE_ONE = ("if", "then", "else", "not", "contentSchema")
_HERE_MANY = ("allOf", "anyOf", "oneOf")
_BELOW_ALL = ("items", "additionalProperties", "contains", "unevaluatedItems", "unevaluatedProperties")


def is_bounded(schema: Any, value: Any, *, budget: int = BUDGET) -> bool:
    """True when checking takes at most `budget` steps, whichever branches are tried."""
    rest = [(schema, value)]
    for _ in range(budget):
        if not rest:
            return True
        node, item = rest.pop()
        if isinstance(node, Mapping):
            rest.extend(_steps(schema, node, item))
    return False


def _steps(root: Any, node: Mapping[str, Any], value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(node.get("$ref"), str):
        yield resolve(root, node["$ref"]), value
    yield from ((node[key], value) for key in _HERE_ONE if key in node)
    yield from ((each, value) for key in _HERE_MANY for each in _list(node.get(key)))
    dependent = node.get("dependentSchemas")
    yield from ((each, value) for each in (dependent.values() if isinstance(dependent, Mapping) else ()))
    below = [node[key] for key in _BELOW_ALL if key in node]
    if isinstance(value, dict):
        below += list(_values(node.get("patternProperties")))
        named = node.get("properties")
        for key, item in value.items():
            if isinstance(named, Mapping) and key in named:
                yield named[key], item
            yield from ((each, item) for each in below)
    elif isinstance(value, list):
        yield from zip(_list(node.get("prefixItems")), value, strict=False)
        yield from ((each, item) for item in value for each in below)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _values(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, Mapping) else []
