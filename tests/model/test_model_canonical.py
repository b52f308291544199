"""The one spelling of a JSON value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.model.canonical import canonical, digest

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def _shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shuffled(value[key]) for key in reversed(value)}
    return tuple(map(_shuffled, value)) if isinstance(value, list) else value


@given(VALUES)
def test_the_order_of_keys_has_no_effect(value: Any) -> None:
    assert digest(_shuffled(value)) == digest(value)


@given(VALUES)
def test_the_canonical_text_reads_back_as_the_same_value(value: Any) -> None:
    assert json.loads(canonical(value)) == value


@given(VALUES, VALUES)
def test_different_values_have_different_texts(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) == (canonical(json.loads(canonical(one))) == canonical(other))


def test_an_integral_float_is_the_integer() -> None:
    assert canonical({"a": 1.0, "b": [2.0, 2.5]}) == '{"a":1,"b":[2,2.5]}'


def test_true_is_not_one() -> None:
    assert digest(True) != digest(1)


def test_text_that_is_no_unicode_still_has_a_digest() -> None:
    assert digest("\ud800").startswith("sha256:")


def test_what_is_no_json_number_is_refused() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        canonical(float("nan"))
