"""JSON values and their one canonical spelling (RFC 8785 in spirit), from which digests are made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, "Json"]


def canonical(value: Json) -> str:
    """The canonical text: sorted keys, no white space, integral floats as integers, UTF-8 kept."""
    return _ENCODER.encode(_normal(value))


def digest(value: Json) -> str:
    """`sha256:<hex>` of the canonical text."""
    return "sha256:" + hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_PLAIN = frozenset((str, int, bool, type(None)))


def _normal(value: Json) -> Json:
    """Most of all values are plain and stand in plain dicts and lists, and this runs for each of them."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict or isinstance(value, Mapping):
        return {key: item if type(item) in _PLAIN else _normal(item) for key, item in value.items()}  # type: ignore[union-attr]
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, (list, tuple)):
        return [item if type(item) in _PLAIN else _normal(item) for item in value]
    return value
