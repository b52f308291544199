"""Frozen dataclasses from plain JSON and back, for case files."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

_T = TypeVar("_T")


def revive(kind: type[_T], value: Any) -> _T:
    """The dataclass `kind` that `value` describes; keys may be left out where there is a default."""
    return typing.cast(_T, _revive(kind, value))


def plain(value: Any) -> Any:
    """The JSON of a dataclass."""
    if dataclasses.is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, frozenset):
        return sorted(value)
    return value.value if isinstance(value, Enum) else value


def text(value: Any) -> str:
    """The text of a case file."""
    return json.dumps(plain(value), indent=1, ensure_ascii=False) + "\n"


def _revive(kind: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, localns={"Json": object})
        return kind(**{key: _revive(hints[key], item) for key, item in value.items()})  # type: ignore[operator]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return None if value is None else _revive(arguments[0], value)
    if origin is tuple:
        return tuple(_revive(arguments[0], item) for item in value)
    if kind == frozenset[str]:
        return frozenset(value)
    if origin is not None and dataclasses.is_dataclass(arguments[-1]):
        return {key: _revive(arguments[-1], item) for key, item in value.items()}
    return kind(value) if isinstance(kind, type) and issubclass(kind, Enum) else value
