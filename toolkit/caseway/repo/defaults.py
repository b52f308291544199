"""Fills what a document leaves out with what its schema says is meant. Pure; the input is never changed.

A schema is compiled once into closures that only visit places where a default can be; conditions (`if`) are
those of `conditions`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from caseway.repo.conditions import Condition, compile_condition
from caseway.repo.explain import resolve

Schema: TypeAlias = Any
Fill: TypeAlias = Callable[[Any], Any]


def compile_defaults(root: Schema) -> Fill:
    """A function that gives its argument with the defaults of `root` filled in, at every depth."""
    return _Compiler(root).fill(root)


class _Compiler:
    """Turns schema nodes into fills; a reference is compiled once, when it is first needed, so that
    recursive schemas end."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._made: dict[str, Fill | None] = {}
        self._useful: dict[str, bool] = {}

    def fill(self, node: Schema) -> Fill:
        parts = [part for part in self._parts(node) if part is not None]
        if not parts:
            return _same
        return parts[0] if len(parts) == 1 else _in_turn(parts)

    def _parts(self, node: Schema) -> list[Fill | None]:
        if not isinstance(node, Mapping) or not self._matters(node):
            return []
        parts: list[Fill | None] = []
        if "$ref" in node:
            parts.append(self._reference(node["$ref"]))
        parts.append(self._object(node))
        if "items" in node and self._matters(node["items"]):
            parts.append(_each_item(self.fill(node["items"])))
        parts.extend(self.fill(part) for part in node.get("allOf", ()) if self._matters(part))
        if "if" in node:
            chosen = self.fill(node.get("then", True)), self.fill(node.get("else", True))
            parts.append(_either(compile_condition(node["if"]), *chosen))
        return parts

    def _reference(self, reference: str) -> Fill:
        def fill(value: Any) -> Any:
            made = self._made.get(reference)
            if made is None:
                made = self._made[reference] = self.fill(resolve(self._root, reference))
            return made(value)

        return fill

    def _object(self, node: Mapping[str, Any]) -> Fill | None:
        known = {
            key: (self.fill(below), self._default(below))
            for key, below in node.get("properties", {}).items()
            if self._matters(below)
        }
        other = node.get("additionalProperties")
        rest = self.fill(other) if isinstance(other, Mapping) and self._matters(other) else None
        if not known and rest is None:
            return None
        return _object(known, frozenset(node.get("properties", {})), rest)

    def _default(self, node: Schema) -> tuple[Any, ...]:
        return (node["default"],) if isinstance(node, Mapping) and "default" in node else ()

    def _matters(self, node: Schema) -> bool:
        """True when a default can be somewhere at or below this node."""
        if not isinstance(node, Mapping):
            return False
        if "default" in node or ("$ref" in node and self._reference_matters(node["$ref"])):
            return True
        below = [node.get(key) for key in ("items", "additionalProperties", "then", "else")]
        return any(map(self._matters, [*below, *node.get("allOf", ()), *node.get("properties", {}).values()]))

    def _reference_matters(self, reference: str) -> bool:
        if reference not in self._useful:
            self._useful[reference] = False  # until known: what is found on the way decides
            self._useful[reference] = self._matters(resolve(self._root, reference))
        return self._useful[reference]


def _same(value: Any) -> Any:
    return value


def _in_turn(parts: list[Fill]) -> Fill:
    def fill(value: Any) -> Any:
        for part in parts:
            value = part(value)
        return value

    return fill


def _each_item(fill_item: Fill) -> Fill:
    def fill(value: Any) -> Any:
        return [fill_item(item) for item in value] if isinstance(value, list) else value

    return fill


def _either(condition: Condition | None, then: Fill, otherwise: Fill) -> Fill:
    if condition is None:
        raise ValueError("the condition of a schema is not one that defaults can follow")
    holds = condition

    def fill(value: Any) -> Any:
        return then(value) if holds(value) else otherwise(value)

    return fill


def _object(
    known: Mapping[str, tuple[Fill, tuple[Any, ...]]], named: frozenset[str], rest: Fill | None
) -> Fill:
    def fill(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        filled = dict(value)
        for key, (fill_key, default) in known.items():
            if key in filled:
                filled[key] = fill_key(filled[key])
            elif default:
                filled[key] = fill_key(copy.deepcopy(default[0]))
        if rest is not None:
            filled.update({key: rest(below) for key, below in value.items() if key not in named})
        return filled

    return fill
