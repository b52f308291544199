"""Does a JSON Schema accept less than it did? Sound where it answers "no": what the old one took, the new
one takes. One exception, by convention: an optional property added to an open object counts as wider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from caseway.model.canonical import Json, canonical

Schema = Mapping[str, Any] | bool


class Effect(StrEnum):
    """What one difference does to the set of accepted values."""

    NARROWED = "narrowed"
    WIDENED = "widened"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: the effect, the dotted place ("" is the whole value), and the words for it."""

    effect: Effect
    place: str
    words: str


_ANNOTATIONS = frozenset(
    (
        *("title", "description", "default", "examples", "$comment", "deprecated"),
        *("readOnly", "writeOnly", "$id", "$schema", "$anchor"),
    )
)
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_TEXTS = ("pattern", "format", "contentEncoding", "contentMediaType", "$ref", "not", "dependentRequired")
_SUBSCHEMAS = ("items", "propertyNames", "unevaluatedProperties", "unevaluatedItems")
_HANDLED = frozenset(
    (
        *_LOWER,
        *_UPPER,
        *_TEXTS,
        *_SUBSCHEMAS,
        *("type", "enum", "const", "required", "properties", "additionalProperties", "multipleOf"),
        *("uniqueItems", "allOf", "anyOf", "$defs"),
    )
)
_SIMPLE = ("null", "boolean", "object", "array", "string", "integer")
_EVERY_TYPE = frozenset((*_SIMPLE, "number"))


def compare(old: Schema, new: Schema, place: str = "") -> tuple[Difference, ...]:
    """All differences that matter to a caller, outermost first; empty when both accept the same."""
    return tuple(_compare(old, new, place))


def _compare(old: Schema, new: Schema, place: str) -> Iterator[Difference]:
    if isinstance(old, bool) or isinstance(new, bool):
        yield from _compare_booleans(old, new, place)
        return
    yield from _types(old, new, place)
    yield from _values(old, new, place)
    yield from _bounds(old, new, place)
    yield from _required(old, new, place)
    yield from _properties(old, new, place)
    yield from _combined(old, new, place)
    for keyword in _TEXTS:
        yield from _opaque(keyword, old.get(keyword), new.get(keyword), place)
    for keyword in _SUBSCHEMAS:
        yield from _compare(old.get(keyword, True), new.get(keyword, True), _step(place, keyword))
    yield from _unhandled(old, new, place)


def _compare_booleans(old: Schema, new: Schema, place: str) -> Iterator[Difference]:
    if new is False and old is not False:
        yield Difference(Effect.NARROWED, place, "is no longer accepted")
    elif old is False and new is not False:
        yield Difference(Effect.WIDENED, place, "is now accepted")
    elif old is not new:
        yield from _compare({} if old is True else old, {} if new is True else new, place)


def _types(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[Difference]:
    before, after = _type_set(old), _type_set(new)
    if before - after:
        lost = ", ".join(sorted(before - after))
        yield Difference(Effect.NARROWED, place, f"no longer accepts type {lost}")
    elif after - before:
        yield Difference(Effect.WIDENED, place, f"now also accepts type {', '.join(sorted(after - before))}")


def _type_set(schema: Mapping[str, Any]) -> frozenset[str]:
    declared = schema.get("type")
    if declared is None:
        return _EVERY_TYPE
    names = {declared} if isinstance(declared, str) else set(declared)
    return frozenset(names | {"integer"} if "number" in names else names)


def _values(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[Difference]:
    before, after = _allowed(old), _allowed(new)
    if after is not None and (before is None or before - after):
        yield Difference(Effect.NARROWED, place, "accepts fewer values")
    elif before is not None and (after is None or after - before):
        yield Difference(Effect.WIDENED, place, "accepts more values")


def _allowed(schema: Mapping[str, Any]) -> frozenset[str] | None:
    sets = []
    if "enum" in schema:
        sets.append(frozenset(canonical(value) for value in schema["enum"]))
    if "const" in schema:
        sets.append(frozenset((canonical(schema["const"]),)))
    return frozenset.intersection(*sets) if sets else None


def _bounds(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[Difference]:
    for keywords, sign in ((_LOWER, 1), (_UPPER, -1)):
        for keyword in keywords:
            yield from _bound(keyword, old.get(keyword), new.get(keyword), sign, place)
    before, after = old.get("multipleOf"), new.get("multipleOf")
    if before != after:
        wider = after is None or (before is not None and before % after == 0)
        effect = Effect.WIDENED if wider else Effect.NARROWED
        yield Difference(effect, place, f"multipleOf {_shown(before)} → {_shown(after)}")
    if bool(old.get("uniqueItems")) != bool(new.get("uniqueItems")):
        effect = Effect.NARROWED if new.get("uniqueItems") else Effect.WIDENED
        yield Difference(effect, place, "uniqueItems changed")


def _bound(
    keyword: str, before: float | None, after: float | None, sign: int, place: str
) -> Iterator[Difference]:
    if before == after:
        return
    tighter = after is not None and (before is None or (after - before) * sign > 0)
    effect = Effect.NARROWED if tighter else Effect.WIDENED
    yield Difference(effect, place, f"{keyword} {_shown(before)} → {_shown(after)}")


def _required(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[Difference]:
    before, after = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(after - before):
        yield Difference(Effect.NARROWED, _step(place, name), "is now required")
    for name in sorted(before - after):
        yield Difference(Effect.WIDENED, _step(place, name), "is no longer required")


def _properties(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[Difference]:
    before, after = old.get("properties", {}), new.get("properties", {})
    rest_before, rest_after = old.get("additionalProperties", True), new.get("additionalProperties", True)
    for name, schema in before.items():
        yield from _compare(schema, after.get(name, rest_after), _step(place, name))
    for name in after.keys() - before.keys():
        if rest_before is True:
            yield Difference(Effect.WIDENED, _step(place, name), "was added")
        else:
            yield from _compare(rest_before, after[name], _step(place, name))
    if before.keys() != after.keys() and "patternProperties" in old:
        yield Difference(Effect.UNKNOWN, place, "properties changed beside patternProperties")
    yield from _compare(rest_before, rest_after, _step(place, "*"))


def _combined(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[Difference]:
    for keyword in ("anyOf", "allOf"):
        before, after = _branches(old.get(keyword)), _branches(new.get(keyword))
        if before == after:
            continue
        if keyword == "anyOf" and before is not None and after is not None:
            smaller, larger = after, before
        else:
            smaller, larger = before or frozenset(), after or frozenset()
        if smaller <= larger:
            yield Difference(Effect.NARROWED, place, f"{keyword} became stricter")
        elif larger <= smaller:
            yield Difference(Effect.WIDENED, place, f"{keyword} became looser")
        else:
            yield Difference(Effect.UNKNOWN, place, f"{keyword} changed")
    before_defs, after_defs = old.get("$defs", {}), new.get("$defs", {})
    if any(after_defs.get(name) != schema for name, schema in before_defs.items()):
        yield Difference(Effect.UNKNOWN, place, "$defs changed")


def _branches(value: Sequence[Json] | None) -> frozenset[str] | None:
    return None if value is None else frozenset(canonical(branch) for branch in value)


def _opaque(keyword: str, before: Json, after: Json, place: str) -> Iterator[Difference]:
    if before == after:
        return
    if before is None:
        yield Difference(Effect.NARROWED, place, f"{keyword} added")
    elif after is None:
        yield Difference(Effect.WIDENED, place, f"{keyword} removed")
    else:
        yield Difference(Effect.UNKNOWN, place, f"{keyword} changed")


def _unhandled(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[Difference]:
    for keyword in sorted(old.keys() | new.keys()):
        if keyword in _HANDLED or keyword in _ANNOTATIONS or keyword.startswith("x-"):
            continue
        if old.get(keyword) != new.get(keyword):
            yield Difference(Effect.UNKNOWN, place, f"{keyword} changed")


def _step(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _shown(value: Json) -> str:
    return "none" if value is None else canonical(value)
