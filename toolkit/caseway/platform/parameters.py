"""The parameters of a deployment: defaults filled, values kept across versions, the gone ignored. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caseway.model.canonical import Json, JsonObject
from caseway.model.errors import CasewayError


@dataclass(frozen=True, slots=True)
class Resolved:
    """The values to render with, and what the reader should know about them."""

    values: JsonObject
    warnings: tuple[str, ...] = ()


def resolve(schema: JsonObject, given: JsonObject, before: JsonObject | None, *, place: str) -> Resolved:
    """Values for a template with this parameter schema; `before` is the schema of the one that serves now.

    Raises `CasewayError`: `parameter-type-changed`, `parameter-missing`, `parameter-invalid`."""
    declared = _properties(schema)
    is_open = not declared or bool(schema.get("additionalProperties", False))
    kept = {name: value for name, value in given.items() if is_open or name in declared}
    warnings = tuple(
        f"parameter {name!r} is no longer declared: its value is ignored"
        for name in sorted(set(given) - set(kept))
    )
    _refuse_changed_types(_properties(before or {}), declared, kept, place)
    values: dict[str, Json] = {name: spec["default"] for name, spec in declared.items() if "default" in spec}
    values.update(kept)
    _refuse_missing(schema, values, place)
    _refuse_invalid(schema, values, place)
    return Resolved(values, warnings)


def _properties(schema: JsonObject) -> Mapping[str, Mapping[str, Any]]:
    found = schema.get("properties", {})
    if not isinstance(found, Mapping):
        return {}
    return {name: spec for name, spec in found.items() if isinstance(spec, Mapping)}


def _refuse_changed_types(
    before: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any]],
    kept: Mapping[str, Json],
    place: str,
) -> None:
    """A stored value of a parameter whose type changed must be given anew, never guessed."""
    for name, value in kept.items():
        old, new = before.get(name, {}).get("type"), after.get(name, {}).get("type")
        if name in before and name in after and old != new and not _is_valid(after[name], value):
            raise CasewayError(
                f"parameter {name!r} was {old} and is {new} now: its stored value does not fit",
                code="parameter-type-changed",
                place=place,
                hint=f"give {name!r} a new value, or give the changed parameter a new name",
            )


def _refuse_missing(schema: JsonObject, values: Mapping[str, Json], place: str) -> None:
    required = schema.get("required", ())
    missing = [name for name in required if name not in values] if isinstance(required, list) else []
    if missing:
        raise CasewayError(
            f"parameter {', '.join(map(repr, missing))} has no value and no default",
            code="parameter-missing",
            place=place,
            hint="set it in the instance's parameters",
        )


def _refuse_invalid(schema: JsonObject, values: Mapping[str, Json], place: str) -> None:
    if not schema or not values:
        return
    error = next(iter(_validator(schema).iter_errors(values)), None)
    if error is not None:
        where = "/" + "/".join(map(str, error.instance_path))
        raise CasewayError(f"parameter {where}: {error.message[:300]}", code="parameter-invalid", place=place)


def _is_valid(schema: Mapping[str, Any], value: Json) -> bool:
    return bool(_validator(schema).is_valid(value))


def _validator(schema: JsonObject) -> Any:
    import jsonschema_rs  # noqa: PLC0415 - only a deployment with parameters needs it

    try:
        return jsonschema_rs.Draft202012Validator(_plain(schema))
    except ValueError as error:
        raise CasewayError(
            f"the parameter schema is not valid: {str(error)[:300]}", code="parameter-invalid"
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
