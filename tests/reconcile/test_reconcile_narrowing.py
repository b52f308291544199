"""When a JSON Schema accepts less than it did: sound against a real validator."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from caseway.reconcile.narrowing import Effect, compare

N, W, U = Effect.NARROWED, Effect.WIDENED, Effect.UNKNOWN
CASES: list[tuple[Any, Any, set[Effect]]] = [
    ({}, {}, set()),
    (True, {}, set()),
    ({}, True, set()),
    (True, True, set()),
    (False, False, set()),
    (True, False, {N}),
    ({"type": "string"}, False, {N}),
    (False, {"type": "string"}, {W}),
    (True, {"type": "string"}, {N}),
    ({"type": "string"}, True, {W}),
    ({"type": "number"}, {"type": "integer"}, {N}),
    ({"type": "integer"}, {"type": "number"}, {W}),
    ({"type": ["string", "null"]}, {"type": "string"}, {N}),
    ({"enum": [1, 2]}, {"enum": [1]}, {N}),
    ({"enum": [1]}, {"enum": [1, 2]}, {W}),
    ({"enum": [1]}, {}, {W}),
    ({}, {"const": 1}, {N}),
    ({"enum": [1, 2], "const": 1}, {"const": 1}, set()),
    ({"minimum": 1}, {"minimum": 2}, {N}),
    ({"minimum": 2}, {"minimum": 1}, {W}),
    ({"minimum": 2}, {}, {W}),
    ({}, {"maximum": 2}, {N}),
    ({"maxLength": 2}, {"maxLength": 1}, {N}),
    ({"maxLength": 2}, {"maxLength": 3}, {W}),
    ({"multipleOf": 4}, {"multipleOf": 2}, {W}),
    ({"multipleOf": 2}, {"multipleOf": 4}, {N}),
    ({"multipleOf": 2}, {}, {W}),
    ({}, {"multipleOf": 2}, {N}),
    ({}, {"uniqueItems": True}, {N}),
    ({"uniqueItems": True}, {}, {W}),
    ({}, {"pattern": "a"}, {N}),
    ({"pattern": "a"}, {}, {W}),
    ({"pattern": "a"}, {"pattern": "b"}, {U}),
    ({"format": "date"}, {"format": "uri"}, {U}),
    ({}, {"required": ["a"]}, {N}),
    ({"required": ["a"]}, {}, {W}),
    ({}, {"properties": {"a": {"type": "string"}}}, {W}),
    ({"properties": {"a": {"type": "string"}}}, {}, {W}),
    ({"properties": {"a": {}}, "additionalProperties": False}, {"additionalProperties": False}, {N}),
    ({"additionalProperties": False}, {"properties": {"a": {}}, "additionalProperties": False}, {W}),
    (
        {"additionalProperties": {"type": "string"}},
        {"properties": {"a": {"type": "number"}}, "additionalProperties": {"type": "string"}},
        {N},
    ),
    ({}, {"additionalProperties": False}, {N}),
    ({"properties": {"a": {"maximum": 3}}}, {"properties": {"a": {"maximum": 2}}}, {N}),
    (
        {"patternProperties": {"^a": {}}},
        {"patternProperties": {"^a": {}}, "properties": {"a": {}}},
        {W, U},
    ),
    ({"items": {"type": "number"}}, {"items": {"type": "integer"}}, {N}),
    ({"anyOf": [{"minimum": 1}]}, {"anyOf": [{"minimum": 1}, {"maximum": 0}]}, {W}),
    ({"anyOf": [{"minimum": 1}, {"maximum": 0}]}, {"anyOf": [{"minimum": 1}]}, {N}),
    ({"anyOf": [{"minimum": 1}]}, {"anyOf": [{"minimum": 2}]}, {U}),
    ({}, {"anyOf": [{"minimum": 2}]}, {N}),
    ({"anyOf": [{"minimum": 2}]}, {}, {W}),
    ({"allOf": [{"minimum": 1}]}, {"allOf": [{"minimum": 1}, {"maximum": 0}]}, {N}),
    ({"allOf": [{"minimum": 1}]}, {}, {W}),
    ({"oneOf": [{"minimum": 1}]}, {"oneOf": [{"minimum": 1}, {}]}, {U}),
    ({"$defs": {"a": {}}}, {"$defs": {"a": {"type": "string"}}}, {U}),
    ({"$defs": {"a": {}}}, {"$defs": {"a": {}, "b": {}}}, set()),
    ({"title": "a", "default": 1, "x-ui": 1}, {"title": "b", "default": 2, "x-ui": 2}, set()),
]


@pytest.mark.parametrize(("old", "new", "effects"), CASES)
def test_a_difference_has_its_effect(old: Any, new: Any, effects: set[Effect]) -> None:
    assert {item.effect for item in compare(old, new)} == effects


def test_the_place_of_a_difference_is_named() -> None:
    old = {"properties": {"a": {"properties": {"b": {}}}}}
    new = {"properties": {"a": {"properties": {"b": {"type": "string"}}}}}
    (found,) = compare(old, new)
    assert found.place == "a.b"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 6) | st.sampled_from(["", "a", "abc"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)


def _schemas(depth: int = 1) -> st.SearchStrategy[Any]:
    inner = st.booleans() if depth == 0 else _schemas(depth - 1)
    small = st.integers(0, 4)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["string", "number", "integer", "object", "array", ["null", "boolean"]]),
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "minimum": small,
            "maximum": small,
            "minLength": small,
            "maxItems": small,
            "multipleOf": st.integers(1, 4),
            "pattern": st.sampled_from(["a", "^b"]),
            "required": st.lists(st.sampled_from("ab"), unique=True),
            "additionalProperties": inner,
            "properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
        },
    )


def _is_valid(schema: Any, value: Any) -> bool:
    return jsonschema.Draft202012Validator(schema).is_valid(value)


@settings(max_examples=120, deadline=None)
@given(_schemas(), st.data())
def test_what_is_not_narrowed_still_takes_what_it_took(old: Any, data: st.DataObject) -> None:
    edit = data.draw(_schemas(0))
    gone = data.draw(st.sets(st.sampled_from(sorted(old)))) if old else set()
    new = {key: value for key, value in {**old, **edit}.items() if key not in gone}
    found = compare(old, new)
    # The one exception: an optional property added to an open object.
    assume(not any(item.words == "was added" for item in found))
    if all(item.effect is Effect.WIDENED for item in found):
        for value in data.draw(st.lists(VALUES, min_size=1, max_size=8)):
            assert _is_valid(new, value) or not _is_valid(old, value)


@settings(max_examples=40, deadline=None)
@given(_schemas())
def test_a_schema_differs_from_itself_in_nothing(schema: Any) -> None:
    assert compare(schema, schema) == ()
