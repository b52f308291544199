"""Schemas that users write themselves: parameters as a JSON Schema, and as form fields."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from schema_documents import DATA, load

from caseway.repo.forms import compile_fields, parameters_problems, parameters_schema
from caseway.repo.schema import schema_problems, violations_of

FORM = load(DATA / "valid" / "use-case" / "form-fields.yaml")["spec"]["parameters"]
VALUE = {"name": "abc", "day": "2026-01-01", "address": {"street": "s"}}


def a_field(**more: Any) -> dict[str, Any]:
    return {"key": "a", "type": "string", **more}


@pytest.mark.parametrize(
    ("broken", "pointer", "part"),
    [
        ({"type": "strng"}, "/type", "must be 'string'"),
        ({"type": ["string", "nul"]}, "/type/1", "must be 'string'"),
        ({"properties": {"a": {"minimum": "3"}}}, "/properties/a/minimum", "must be a number"),
        ({"required": "a"}, "/required", "must be a list"),
        ({"properties": []}, "/properties", "must be an object"),
        ({"properties": {"a": 5}}, "/properties/a", "must be a schema: an object, true or false"),
        ({"pattern": "(a"}, "/pattern", "'(a' is no regular expression"),
        ({"items": {"pattern": "["}}, "/items/pattern", "is no regular expression"),
        ({"$ref": "https://evil.example/schema"}, "/$ref", "leads nowhere"),
        ({"$ref": "#/$defs/none"}, "/$ref", "'#/$defs/none' leads nowhere"),
        ({"anyOf": []}, "/anyOf", "needs at least 1 item"),
        ({"multipleOf": 0}, "/multipleOf", "must be more than 0"),
        (5, "", "must be a schema"),
    ],
)
def test_a_broken_schema_is_told_where(broken: Any, pointer: str, part: str) -> None:
    problems = schema_problems(broken)
    assert [each.pointer for each in problems] == [pointer]
    assert part in problems[0].message


def test_a_sound_schema_has_no_problem() -> None:
    sound = {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"type": "string"}}}
    assert schema_problems(sound) == []


def test_anchors_and_ids_are_sound() -> None:
    assert schema_problems({"$ref": "#here", "$defs": {"a": {"$anchor": "here"}}}) == []


KEYWORDS = st.sampled_from(["type", "properties", "items", "$ref", "allOf", "pattern", "required", "enum"])
SCHEMAS = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda below: st.dictionaries(KEYWORDS, below | st.lists(below)),
    max_leaves=8,
)


@given(SCHEMAS)
def test_no_schema_crashes_the_check_and_sound_means_compilable(value: Any) -> None:
    if schema_problems(value) == []:
        jsonschema_rs.Draft202012Validator(value)


def test_the_closest_alternative_is_explained() -> None:
    choice = {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"x": {"type": "integer"}}}]}
    found = violations_of(choice, {"x": "one"})
    assert [each.pointer for each in found] == ["/x"]


def test_keywords_without_words_of_ours_are_told_in_the_validators() -> None:
    found = violations_of({"contains": {"const": 1}}, [2])
    assert [each.keyword for each in found] == ["contains"]


@pytest.mark.parametrize("keyword", ["allOf", "anyOf"])
def test_a_schema_whose_alternatives_multiply_is_refused(keyword: str) -> None:
    levels = {f"a{n}": {keyword: [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(60)}
    bomb = {"$ref": "#/$defs/a0", "$defs": {**levels, "a60": {"type": "string"}}}
    assert [each.keyword for each in violations_of(bomb, 5)] == ["effort"]


def test_a_schema_that_is_itself_without_end_is_refused() -> None:
    assert [each.keyword for each in violations_of({"allOf": [{"$ref": "#"}]}, 5)] == ["effort"]


def test_a_pattern_that_backtracks_without_end_does_not_hang() -> None:
    found = violations_of({"pattern": "^(a+)+$"}, "a" * 5000 + "!")
    assert [each.keyword for each in found] == ["pattern"]


def test_a_recursive_schema_is_checked() -> None:
    tree = {"type": "object", "properties": {"left": {"$ref": "#"}, "size": {"type": "integer"}}}
    assert [each.pointer for each in violations_of(tree, {"left": {"left": {"size": "x"}}})] == [
        "/left/left/size"
    ]


def test_the_form_of_every_field_type_is_sound() -> None:
    assert parameters_problems(FORM) == []
    assert schema_problems(parameters_schema(FORM)) == []


def test_a_form_accepts_what_fits() -> None:
    assert violations_of(parameters_schema(FORM), VALUE) == []


@pytest.mark.parametrize(
    ("key", "value", "pointer"),
    [
        ("name", "ABC", "/name"),
        ("name", "abcdefghijk", "/name"),
        ("notes", 5, "/notes"),
        ("amount", 1.5, "/amount"),
        ("amount", 11, "/amount"),
        ("on", "yes", "/on"),
        ("day", "tomorrow", "/day"),
        ("colour", "green", "/colour"),
        ("size", "1", "/size"),
        ("days", [], "/days"),
        ("days", ["mon", "mon"], "/days/1"),
        ("days", ["sun"], "/days/0"),
        ("logo", {"name": "a.png"}, "/logo"),
        ("logo", {"uri": "a", "mediaType": "text/html"}, "/logo/mediaType"),
        ("logo", {"uri": "a", "size": 3_000_000}, "/logo/size"),
        ("mails", ["a", 5], "/mails/1"),
        ("address", {}, "/address"),
        ("lines", [{"sku": 5}], "/lines/0/sku"),
        ("Address", {}, "/Address"),
    ],
)
def test_a_form_refuses_what_does_not_fit(key: str, value: Any, pointer: str) -> None:
    found = violations_of(parameters_schema(FORM), {**VALUE, key: value})
    assert pointer in {each.pointer for each in found}


def test_the_message_of_a_pattern_is_the_users() -> None:
    found = violations_of(parameters_schema(FORM), {**VALUE, "name": "ABC"})
    assert found[0].message == "'name' is not right (small letters); found 'ABC'"


def test_fields_of_a_section_stand_beside_the_others() -> None:
    compiled = compile_fields(FORM["fields"])
    assert "address" in compiled["properties"]
    assert compiled["properties"]["address"]["x-ui"]["section"] == "Address"
    assert compiled["required"] == ["name"]


@pytest.mark.parametrize(
    ("fields", "pointer", "part"),
    [
        ([a_field(), a_field()], "/fields/1/key", "two fields have the key 'a'"),
        ([a_field(minLength=3, maxLength=2)], "/fields/0/minLength", "minLength 3 is more than maxLength 2"),
        ([a_field(type="number", min=3, max=2)], "/fields/0/min", "is more than max"),
        ([a_field(pattern="(")], "/fields/0/pattern", "is no regular expression"),
        ([a_field(maxLength=2, default="abc")], "/fields/0/default", "the default does not fit the field"),
        (
            [a_field(type="select", options=[{"value": 1}, {"value": 1}])],
            "/fields/0/options/1/value",
            "is an option already",
        ),
        (
            [a_field(type="array", itemField={"type": "string", "minLength": 3, "maxLength": 1})],
            "/fields/0/itemField/minLength",
            "is more than",
        ),
        ([a_field(type="object", fields=[a_field(), a_field()])], "/fields/0/fields/1/key", "two fields"),
        (
            [a_field(), {"type": "section", "title": "S", "fields": [a_field()]}],
            "/fields/1/fields/0/key",
            "two fields",
        ),
    ],
)
def test_a_bad_field_is_reported(fields: list[Any], pointer: str, part: str) -> None:
    problems = parameters_problems({"fields": fields})
    assert [each.pointer for each in problems] == [pointer]
    assert part in problems[0].message


@pytest.mark.parametrize(
    "fields", [5, [5], [{}], [{"type": "odd", "key": "a"}], [{"type": "select", "key": "a"}]]
)
def test_fields_that_break_the_schema_raise_value_error(fields: Any) -> None:
    with pytest.raises(ValueError, match="form fields"):
        parameters_schema({"fields": fields})
    assert parameters_problems({"fields": fields}) == []
