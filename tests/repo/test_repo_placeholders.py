"""Placeholders keep values values: typed, bounded, never scanned again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.repo.placeholders import PlaceholderError, find, names, render

CONTEXT: dict[str, Any] = {
    "params": {"limit": 1000, "name": "Ann", "tags": ["a", "b"], "items": 3, "nothing": None, "on": True},
    "credentials": {"erp": {"id": "cred-1"}},
    "stage": "dev",
}

json_scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
json_values = st.recursive(
    json_scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


def rendered(text: str) -> Any:
    return render(text, CONTEXT)


def failure(text: str) -> PlaceholderError:
    with pytest.raises(PlaceholderError) as caught:
        render({"a": ["", text]}, CONTEXT)
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$[[ params.limit ]]", 1000),
        ("$[[params.tags]]", ["a", "b"]),
        ("$[[ params.on ]]", True),
        ("$[[ params.nothing ]]", None),
        ("$[[ params['limit'] / 2 ]]", 500.0),
        ("$[[ params.tags[-1] ]]", "b"),
        ("$[[ params.items ]]", 3),
        ("$[[ {'a': params.tags, 'b': (1, 2)} ]]", {"a": ["a", "b"], "b": [1, 2]}),
        ("$[[ params.limit if stage == 'prod' else 5 ]]", 5),
        ("$[[ not params.on or stage in ['x'] ]]", False),
        ("$[[ 1 < 2 <= 2 and 'a' not in params.tags ]]", False),
        ("$[[ -params.items + 10 % 4 // 1 * +2 - 1 ]]", 0),
        ("$[[ params.missing is defined ]]", False),
        ("$[[ params.limit is number ]]", True),
    ],
)
def test_a_scalar_that_is_one_placeholder_keeps_the_type(text: str, value: Any) -> None:
    assert rendered(text) == value
    assert type(rendered(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Dear $[[ params.name ]], $[[ params.limit ]]!", "Dear Ann, 1000!"),
        ("on: $[[ params.on ]], $[[ params.nothing ]]", "on: true, null"),
        ("$[[ params.name | upper ]] ", "ANN "),
        ("tags=$[[ params.tags | join(', ') ]]", "tags=a, b"),
        ("tags=$[[ params.tags | tojson ]]", 'tags=["a", "b"]'),
        ("x$[[ stage ~ '-' ~ params.limit ]]", "xdev-1000"),
        ("x$[[ ']]' ]]", "x]]"),
        ("$[[ '$[[' ]] stays", "$[[ stays"),
    ],
)
def test_a_placeholder_inside_a_text_is_written_out(text: str, value: str) -> None:
    assert rendered(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$[[ params.missing | default(5) ]]", 5),
        ("$[[ params.deep.er | d('x') ]]", "x"),
        ("$[[ params.nothing | default(7, true) ]]", 7),
        ("$[[ ' a ' | trim ]]", "a"),
        ("$[[ 'a-b' | replace('-', '+') ]]", "a+b"),
        ("$[[ params.tags | length ]]", 2),
        ("$[[ [3, 1, 3] | unique | sort ]]", [1, 3]),
        ("$[[ '12' | int + 1.5 | round ]]", 14),
        ("$[[ 'a b/c' | urlencode ]]", "a%20b%2Fc"),
        ("$[[ params.tags | first ]]", "a"),
        ("$[[ 'ann lee' | title ]]", "Ann Lee"),
    ],
)
def test_filters_do_what_they_do_in_jinja(text: str, value: Any) -> None:
    assert rendered(text) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$[[ params.nope ]]", "no 'nope'"),
        ("$[[ secret ]]", "'secret' is not defined"),
        ("$[[ params.limit", "never closed"),
        ("$[[ ( ]]", "never closed"),
        ("$[[ ]]", "empty"),
        ("$[[ a b ]]", "unexpected"),
        ("$[[ params. ]]", "cannot read"),
        ("x $[[ params.tags ]]", "cannot stand inside a longer text"),
        ("$[[ ''.__class__ ]]", "do not begin with `_`"),
        ("$[[ params['__class__'] ]]", "no '__class__'"),
        ("$[[ params.name.upper ]]", "no 'upper'"),
        ("$[[ params.keys() ]]", "cannot be called"),
        ("$[[ range(9) ]]", "cannot be called"),
        ("$[[ 'a' * 10 ]]", "a number was expected"),
        ("$[[ '%99s' % 1 ]]", "a number was expected"),
        ("$[[ 2 ** 99 ]]", "not allowed"),
        ("$[[ params.tags[0:1] ]]", "not allowed"),
        ("$[[ params.tags | map('upper') ]]", "unknown filter"),
        ("$[[ 1 is filter ]]", "unknown test"),
        ("$[[ 1 / 0 ]]", "cannot compute"),
        ("$[[ 'inf' | float ]]", "finite"),
        ("$[[ {% raw %} ]]", "cannot read"),
        ("$[[ " + "1 + " * 400 + "1 ]]", "longer than"),
        ("$[[ " + "(" * 400 + "1" + ")" * 400 + " ]]", "too deep"),
        ("$[[ '" + "a" * 30 + "'" + " | replace('a','aa')" * 45 + " ]]", "would exceed"),
    ],
)
def test_what_is_not_allowed_says_why_and_where(text: str, words: str) -> None:
    error = failure(text)
    assert words in error.message
    assert error.pointer == "/a/1"
    assert error.code == "placeholder"


def test_what_is_undefined_lists_what_is_known() -> None:
    assert "limit" in failure("$[[ params.limits ]]").hint


def test_a_document_that_renders_too_large_is_refused() -> None:
    with pytest.raises(PlaceholderError, match="rendered document would exceed"):
        render(["$[[ params.big ]]"] * 200, {"params": {"big": ["x" * 1000] * 100}})


def test_keys_are_left_alone() -> None:
    assert render({"$[[ stage ]]": 1}, CONTEXT) == {"$[[ stage ]]": 1}


def test_run_time_expressions_and_other_template_languages_are_left_alone() -> None:
    tree = {"a": "${ .x }", "b": "={{ $json.x }}", "c": "{% if x %}{{ y }}"}
    assert render(tree, CONTEXT) == tree


def test_find_gives_pointers_and_expressions_in_document_order() -> None:
    tree = {"a/b": ["$[[ params.x ]] $[[ stage ]]"], "c": "$[[ open", "d": 1}
    assert find(tree) == [("/a~1b/0", "params.x"), ("/a~1b/0", "stage")]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("params.x", {"params.x"}),
        ("credentials['erp'].id ~ stage", {"credentials.erp.id", "stage"}),
        ("params[stage].y", {"params", "stage"}),
        ("params.tags[0].name", {"params.tags.0.name"}),
        ("params.a | default(params.b)", {"params.a", "params.b"}),
        ("'params.x'", set()),
    ],
)
def test_names_are_the_dotted_references(expression: str, expected: set[str]) -> None:
    assert names(expression) == expected


def test_names_are_known_in_branches_that_are_not_taken() -> None:
    assert names("1 if true else params.z") == {"params.z"}


@given(json_values)
def test_a_tree_without_placeholders_renders_to_itself(tree: Any) -> None:
    if "$[[" not in repr(tree):
        assert render(tree, CONTEXT) == tree


@given(json_values)
def test_a_value_arrives_as_it_is_and_is_never_scanned_again(value: Any) -> None:
    assert render({"x": "$[[ params.v ]]"}, {"params": {"v": value}}) == {"x": value}


@given(st.text(), st.text().filter(lambda text: "$[[" not in text))
def test_a_text_can_neither_break_nor_inject_structure(value: str, around: str) -> None:
    tree = {"k": [around + "|$[[ params.v ]]|" + around], "z": 1}
    if "$[[" in around + "|":
        return
    assert render(tree, {"params": {"v": value}}) == {"k": [f"{around}|{value}|{around}"], "z": 1}


@given(st.text(alphabet="$[]() '\"params.x|+*{}%#~\\0", max_size=60))
def test_no_text_crashes_rendering(text: str) -> None:
    try:
        render(text, {"params": {"x": [1]}})
    except PlaceholderError as error:
        assert error.message
