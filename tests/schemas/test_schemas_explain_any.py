"""The explainer beside the validator, on schemas nobody would write: they must agree on every value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from caseway.repo.explain import explain
from caseway.repo.leaf_checks import Walk
from caseway.repo.schema import _matches, violations_of

KEYS = st.sampled_from(["a", "b", "c"])
SCALARS = st.sampled_from([None, True, False, 0, 1, 1.0, 2.5, "", "a", "abc"])
VALUES = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=3),
    max_leaves=6,
)
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "object", "array", "null"])
NAMES = st.lists(KEYS, max_size=2, unique=True)
SIZES = st.integers(0, 3)
LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "type": TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
    "enum": st.lists(VALUES, min_size=1, max_size=3),
    "const": VALUES,
    "required": NAMES,
    "dependentRequired": st.dictionaries(KEYS, NAMES, max_size=2),
    "pattern": st.sampled_from(["^a", "c$", "^$"]),
    "uniqueItems": st.booleans(),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), SIZES
    ),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), SIZES),
}
REFERENCES = st.fixed_dictionaries({"$ref": st.sampled_from(["#/$defs/a", "#/$defs/b"])})


def _compound(below: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(below, min_size=1, max_size=3)
    named = st.dictionaries(KEYS, below, max_size=2)
    choice = st.lists(
        st.fixed_dictionaries({"required": st.lists(KEYS, min_size=1, max_size=1)}), min_size=1, max_size=3
    )
    parts = {
        **LEAVES,
        "properties": named,
        **dict.fromkeys(
            ("additionalProperties", "items", "not", "if", "then", "else", "propertyNames"), below
        ),
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "b|c"]), below, max_size=2),
        "allOf": several,
        **dict.fromkeys(("anyOf", "oneOf"), several | choice),
        "$ref": st.sampled_from(["#/$defs/a", "#/$defs/b"]),
    }
    return st.fixed_dictionaries({}, optional=parts)


LEAF = st.booleans() | REFERENCES | st.fixed_dictionaries({}, optional=LEAVES)
SCHEMAS = st.recursive(LEAF, _compound, max_leaves=6)


@settings(max_examples=50)
@given(root=_compound(SCHEMAS), first=st.fixed_dictionaries({}, optional=LEAVES), second=LEAF, value=VALUES)
def test_what_the_validator_rejects_is_explained_and_only_that(
    root: dict[str, Any], first: Any, second: Any, value: Any
) -> None:
    schema = {
        **root,
        "$defs": {"a": first, "b": first if isinstance(second, dict) and "$ref" in second else second},
    }
    explained = explain(Walk(schema, _matches), value)
    assert (explained == []) == Draft202012Validator(schema).is_valid(value), explained


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"not": {"type": "string"}}, "a", "the document must be something else; found 'a'"),
        (
            {"oneOf": [{"type": "string"}, {"minLength": 1}]},
            "a",
            "the document fits more than one of the alternatives",
        ),
        (
            {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {},
            "the document needs at least one of 'a' or 'b'",
        ),
        (
            {"if": {"type": "string"}, "else": {"minimum": 3}},
            2,
            "the document must be at least 3; found the number 2",
        ),
        ({"enum": [True]}, 1, "the document must be true; found the number 1"),
        ({"const": [1]}, [True], "the document must be [1]; found a list"),
        ({"exclusiveMaximum": 3}, 3, "the document must be less than 3; found the number 3"),
        ({"type": "integer"}, 2**300, ""),
        ({"maximum": 1}, 2**300, "the document must be at most 1; found the number of more than 60 digits"),
        (
            {"maxLength": 3},
            "x" * 100,
            "the document must have at most 3 characters; found '" + "x" * 59 + "…'",
        ),
    ],
)
def test_a_rejection_reads_well(schema: Any, value: Any, message: str) -> None:
    assert [each.message for each in violations_of(schema, value)] == ([message] if message else [])
