"""JSON Schemas of inputs, outputs and context, prepared once. It never fetches remote references."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol


class AnyShape(Protocol):
    """A schema that is here, or is to be fetched."""

    async def loaded(self, activation: Any, /) -> Shape: ...


class BadSchema(ValueError):
    """The schema itself is not valid; the message says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A prepared schema."""

    _validator: Any

    async def loaded(self, _activation: Any) -> Shape:
        """Itself: it is here already."""
        return self

    def complaint(self, value: Any) -> str:
        """What is wrong with `value`, with its place, or ""."""
        if self._validator.is_valid(value):
            return ""
        return "; ".join(_words(error) for error in islice(self._validator.iter_errors(value), 5))[:2000]


def _words(error: Any) -> str:
    place = "/".join(str(part) for part in error.instance_path)
    return f"/{place}: {error.message}" if place else str(error.message)


def _refuse(uri: str) -> Any:
    raise ValueError(f"remote schema {uri} is not fetched")


def prepare(schema: Any) -> Shape:
    """Compile a JSON Schema (2020-12 unless `$schema` says otherwise). Raises BadSchema."""
    import jsonschema_rs  # noqa: PLC0415 - many documents have no schema

    if not isinstance(schema, dict | bool):
        raise BadSchema("a JSON Schema is an object or a boolean")
    try:
        jsonschema_rs.meta.validate(schema)
        return Shape(jsonschema_rs.validator_for(schema, retriever=_refuse))
    except (ValueError, jsonschema_rs.ReferencingError, OverflowError, RecursionError) as error:
        raise BadSchema(str(error).split("\n")[0][:500]) from error
