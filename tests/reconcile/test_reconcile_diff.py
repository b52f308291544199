"""Field-level differences: empty exactly when nothing changed, and never showing a secret."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caseway.model.canonical import canonical
from caseway.model.plan import Change
from caseway.reconcile.diff import diff, same
from caseway.reconcile.sensitive import is_secret_name, secret_parameters, veiled

KEYS = st.sampled_from(["id", "a", "b", "do", "properties"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([1.0, 0.5, "a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(VALUES, VALUES)
def test_a_diff_is_empty_exactly_when_both_have_the_same_canonical_text(before: Any, after: Any) -> None:
    assert (diff(before, after) == ()) == (canonical(before) == canonical(after))


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_nothing_changes_between_a_value_and_its_copy(value: Any) -> None:
    assert diff(value, json.loads(json.dumps(value))) == ()
    assert same(value, copy.deepcopy(value))


def test_one_is_one_point_zero_but_not_true() -> None:
    assert same({"a": 1}, {"a": 1.0})
    assert not same({"a": 1}, {"a": True})
    assert diff({"a": 1}, {"a": True}) == (Change("/a", 1, True),)


def test_a_tuple_is_a_list() -> None:
    assert same({"a": (1, 2)}, {"a": [1, 2]})


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"a": 1}, {"a": 2}, [Change("/a", 1, 2)]),
        ({}, {"a": 2}, [Change("/a", None, 2)]),
        ({"a": 2}, {}, [Change("/a", 2, None)]),
        ({"a/b~": 1}, {"a/b~": 2}, [Change("/a~1b~0", 1, 2)]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [Change("/a", [1, 2], [2, 1])]),
        ({"a": []}, {"a": [1]}, [Change("/a", [], [1])]),
        ([{"id": "x", "v": 1}], [{"id": "x", "v": 2}], [Change("/x/v", 1, 2)]),
        ([{"id": "x"}, {"id": "y"}], [{"id": "y"}, {"id": "x"}], [Change("", ["x", "y"], ["y", "x"])]),
        ([{"id": "x"}, {"id": "y"}], [{"id": "y"}], [Change("/x", {"id": "x"}, None)]),
        ([{"say": {"set": 1}}], [{"say": {"set": 2}}], [Change("/say/set", 1, 2)]),
        (
            [{"say": {"set": 1}}],
            [{"ask": {"set": 1}}],
            [Change("/ask", None, {"set": 1}), Change("/say", {"set": 1}, None)],
        ),
        ([{"a": 1, "b": 1}], [{"a": 1, "b": 2}], [Change("/0/b", 1, 2)]),
        (
            [{"id": "a"}],
            [{"a": {"id": "a"}}],
            [Change("/0/a", None, {"id": "a"}), Change("/0/id", "a", None)],
        ),
        (
            [{"id": "x", "v": 1}, {"id": "x", "v": 2}],
            [{"id": "x", "v": 1}],
            [Change("/1", {"id": "x", "v": 2}, None)],
        ),
        ("a", {"b": 1}, [Change("", "a", {"b": 1})]),
    ],
)
def test_a_change_is_told_by_its_field(before: Any, after: Any, changes: list[Change]) -> None:
    assert list(diff(before, after)) == changes


SECRET = "hunter2"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"password": "old"}, {"password": SECRET}),
        ({"password": SECRET}, {}),
        ({}, {"password": {"value": SECRET}}),
        ({}, {"clientSecret": [SECRET]}),
        ({}, {"deep": {"API_KEY": SECRET}}),
        ({}, {"list": [{"token": SECRET}]}),
        ({}, {"url": f"postgres://app:{SECRET}@db/x"}),
        ({}, {"properties": {"password": {"type": "string", "default": SECRET}}}),
        ({"properties": {"password": {"default": "x"}}}, {"properties": {"password": {"default": SECRET}}}),
        (
            {"properties": {"pin": {"writeOnly": True}}},
            {"properties": {"pin": {"writeOnly": True, "const": SECRET}}},
        ),
        ({}, {"properties": {"pin": {"format": "password", "examples": [SECRET]}}}),
    ],
)
def test_a_secret_is_never_shown(before: Any, after: Any) -> None:
    changes = diff(before, after)
    assert changes
    assert SECRET not in repr(changes)
    assert "(sensitive)" in repr(changes)


def test_a_field_is_secret_when_the_caller_says_so() -> None:
    changes = diff({"parameters": {}}, {"parameters": {"x": SECRET}}, secrets=frozenset({"/parameters/x"}))
    assert changes == (Change("/parameters/x", None, "(sensitive)"),)


def test_names_of_things_are_not_secrets() -> None:
    after = {"credentials": {"token": "acme-token"}, "properties": {"password": {"type": "string"}}}
    assert veiled(after) == after


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        *(
            (name, True)
            for name in ("password", "clientSecret", "API_KEY", "apiKey", "x-api-key", "accessToken")
        ),
        *((name, False) for name in ("maxTokens", "secretary", "key", "tokenCount", "publicKey", "", "__")),
    ],
)
def test_a_name_is_secret_by_its_last_word(name: str, is_secret: bool) -> None:
    assert is_secret_name(name) is is_secret


def test_the_secret_parameters_of_a_schema_are_found() -> None:
    schema = {"properties": {"apiKey": {}, "pin": {"format": "password"}, "limit": {"type": "number"}}}
    assert list(secret_parameters(schema)) == ["apiKey", "pin"]
    assert list(secret_parameters(None)) == []
