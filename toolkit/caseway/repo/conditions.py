"""The conditions (`if`) of our schemas, compiled: which keys there are, and which constants they hold. Pure.

They decide which of several schemas a task, a trigger or a field is; they are asked for every node of every
document, so they are closures and stop at the first no."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from caseway.repo.leaf_checks import has_type

Condition: TypeAlias = Callable[[Any], bool]
_KNOWN = {"required", "properties", "type", "const", "enum", "not"}


def compile_condition(node: Any) -> Condition | None:
    """A function that says whether a value satisfies `node`; None when it uses more than conditions do."""
    if not isinstance(node, Mapping) or not node.keys() <= _KNOWN:
        return None
    parts = [_PARTS[key](argument) for key, argument in node.items()]
    if None in parts:
        return None
    checks = [part for part in parts if part is not None]
    return checks[0] if len(checks) == 1 else _all(checks)


def _all(checks: list[Condition]) -> Condition:
    return lambda value: all(check(value) for check in checks)


def _required(keys: list[str]) -> Condition:
    if len(keys) == 1:
        only = keys[0]
        return lambda value: only in value if isinstance(value, dict) else True
    return lambda value: all(key in value for key in keys) if isinstance(value, dict) else True


def _properties(properties: Mapping[str, Any]) -> Condition | None:
    checks = {key: compile_condition(below) for key, below in properties.items()}
    known = {key: check for key, check in checks.items() if check is not None}
    if len(known) < len(checks):
        return None

    def holds(value: Any) -> bool:
        return not isinstance(value, dict) or all(
            check(value[key]) for key, check in known.items() if key in value
        )

    return holds


def _type(types: Any) -> Condition:
    return lambda value: has_type(value, types)


def _const(constant: Any) -> Condition | None:
    return (lambda value: bool(value == constant)) if isinstance(constant, str) else None


def _enum(choices: list[Any]) -> Condition | None:
    return (lambda value: value in choices) if all(isinstance(choice, str) for choice in choices) else None


def _not(node: Any) -> Condition | None:
    check = compile_condition(node)
    return None if check is None else lambda value: not check(value)


_PARTS: Mapping[str, Callable[[Any], Condition | None]] = {
    "required": _required,
    "properties": _properties,
    "type": _type,
    "const": _const,
    "enum": _enum,
    "not": _not,
}
