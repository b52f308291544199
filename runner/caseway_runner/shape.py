"""JSON Schemas of inputs, outputs and context, prepared once. Never fetches: remote references are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class BadSchema(ValueError):
    """The schema itself is not valid; the message says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A prepared schema."""

    _validator: Any

    def complaint(self, value: Any) -> str:
        """What is wrong with `value`, with its place, or ""."""
        if self._validator.is_valid(value):
            return ""
        found = [
            f"{'/' + '/'.join(str(part) for part in error.instance_path) if error.instance_path else 'value'}:"
            f" {error.message}"
            for error, _ in zip(self._validator.iter_errors(value), range(5), strict=False)
        ]
        return "; ".join(found)[:2000]


def _refuse(uri: str) -> Any:
    raise ValueError(f"remote schema {uri} is not fetched")


def prepare(schema: Any) -> Shape:
    """Compile a JSON Schema (2020-12 unless `$schema` says otherwise). Raises BadSchema."""
    import jsonschema_rs

    if not isinstance(schema, Mapping | bool):
        raise BadSchema("a JSON Schema is an object or a boolean")
    try:
        jsonschema_rs.meta.validate(schema)
        return Shape(jsonschema_rs.validator_for(schema, retriever=_refuse))
    except (ValueError, jsonschema_rs.ReferencingError, OverflowError, RecursionError) as error:
        raise BadSchema(str(error).split("\n")[0][:500]) from error
