"""The parameters of a deployment."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.model.errors import CasewayError
from caseway.platform.parameters import resolve
from caseway.platform.phase import phase


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_defaults_are_filled_and_given_values_win() -> None:
    wanted = schema(a={"type": "integer", "default": 1}, b={"type": "integer", "default": 2})

    assert resolve(wanted, {"b": 5}, None, place="x").values == {"a": 1, "b": 5}


def test_a_value_that_no_longer_fits_its_changed_type_is_refused() -> None:
    with pytest.raises(CasewayError) as caught:
        resolve(schema(a={"type": "string"}), {"a": 1}, schema(a={"type": "integer"}), place="x")
    assert caught.value.code == "parameter-type-changed"
    assert "was integer and is string" in caught.value.message


def test_a_value_that_fits_both_types_is_kept() -> None:
    before, after = schema(a={"type": "integer"}), schema(a={"type": "number"})

    assert resolve(after, {"a": 1}, before, place="x").values == {"a": 1}


def test_a_required_parameter_without_value_or_default_is_named() -> None:
    with pytest.raises(CasewayError) as caught:
        resolve({**schema(a={}), "required": ["a"]}, {}, None, place="x")
    assert (caught.value.code, "'a'" in caught.value.message) == ("parameter-missing", True)


def test_a_value_against_its_schema_is_refused_with_its_place() -> None:
    nested = schema(a={"type": "object", "properties": {"b": {"type": "integer"}}})
    with pytest.raises(CasewayError) as caught:
        resolve(nested, {"a": {"b": "x"}}, None, place="x")
    assert caught.value.code == "parameter-invalid" and "/a/b" in caught.value.message


def test_an_open_schema_takes_what_it_does_not_declare() -> None:
    wanted = {**schema(a={}), "additionalProperties": True}

    assert resolve(wanted, {"z": 1}, None, place="x").values == {"z": 1}


values = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 3))


@given(values, values)
def test_what_is_resolved_is_the_given_over_the_defaults(given_values: Any, defaults: Any) -> None:
    wanted = schema(**{name: {"default": value} for name, value in defaults.items()})
    resolved = resolve(wanted, given_values, None, place="x")

    kept = {name: value for name, value in given_values.items() if name in defaults or not defaults}
    assert resolved.values == {**defaults, **kept}
    assert len(resolved.warnings) == len(given_values) - len(kept)


@given(st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_the_phase_follows_the_precedence(archived: bool, paused: bool, missing: bool, failed: bool) -> None:
    order = [
        (archived, "archived"),
        (paused, "user_paused"),
        (missing, "missing_integration"),
        (failed, "deploy_failed"),
        (True, "active"),
    ]
    found = phase(is_archived=archived, is_paused=paused, is_missing=missing, has_failed=failed)

    assert found == next(name for is_so, name in order if is_so)
