"""Requests are read or refused, never anything else; events are heard as they were told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.operations.decode import InvalidRequest, decode
from caseway.operations.events import heard_in
from caseway.operations.fields import About, Moment, expected_in
from caseway.operations.operation import Event
from caseway.operations.paging import page_of, read_cursor, write_cursor
from caseway.operations.schema import Schemas, object_schema
from caseway.operations.shape import facts_of
from caseway.server.streaming import _event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@dataclass(frozen=True, slots=True)
class Inner:
    """One part."""

    kind: Literal["a", "b"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that a field may be."""

    name: Annotated[str, About(longest=5, pattern="^[a-z]*$")]
    how_many: Annotated[int, About(minimum=1, maximum=9)] = 1
    is_sure: bool = False
    since: Moment | None = None
    parts: tuple[Inner, ...] = ()
    words: tuple[str, ...] = ()


def faults(value, **more) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        decode(Asked, value, **more)
    return {item.field: item.message for item in caught.value.errors}


@given(st.dictionaries(st.sampled_from(["name", "howMany", "isSure", "since", "parts", "words", "x"]), JSON))
def test_whatever_is_given_is_read_or_refused_as_invalid(value):
    try:
        made = decode(Asked, value)
    except InvalidRequest as error:
        assert error.errors
    else:
        assert decode(Asked, facts_of(made)) == made


def test_every_fault_is_named_at_its_place():
    found = faults(
        {"name": "LONGER", "howMany": 0, "parts": [{"kind": "c"}, {}], "since": "2026", "other": 1}
    )
    assert set(found) == {"name", "howMany", "parts/0/kind", "parts/1/kind", "since", "other"}


def test_what_is_needed_and_missing_is_said():
    assert faults({}) == {"name": "is required"}


def test_text_of_a_query_is_read_as_its_type():
    text = frozenset({"name", "howMany", "isSure", "words"})
    made = decode(Asked, {"name": "a", "howMany": "3", "isSure": "true", "words": "x,y"}, text=text)
    assert (made.how_many, made.is_sure, made.words) == (3, True, ("x", "y"))
    assert faults({"name": "a", "howMany": "3.5", "isSure": "yes"}, text=text) == {
        "howMany": "is not a whole number",
        "isSure": "is neither true nor false",
    }


@pytest.mark.parametrize("value", ["a\x00", "\ud800"])
def test_characters_that_no_store_keeps_are_refused(value):
    assert "name" in faults({"name": value})


def test_the_schema_says_what_decoding_refuses():
    schema = object_schema(Asked, Schemas(), is_answer=False, leave=frozenset())
    assert schema["required"] == ["name"]
    assert schema["properties"]["howMany"]["maximum"] == 9
    assert schema["properties"]["name"]["maxLength"] == 5
    assert not schema["additionalProperties"]


@given(st.lists(st.text(max_size=5), unique=True), st.integers(1, 5))
def test_pages_put_together_are_the_list(names, limit):
    ordered, found, cursor = sorted(names), [], ""
    while True:
        page = page_of(ordered, lambda name: (name,), cursor, limit)
        found += page.items
        cursor = page.next_cursor
        if not cursor:
            break
    assert found == ordered


@given(st.lists(st.text(max_size=10), min_size=1, max_size=3))
def test_a_cursor_is_read_as_it_was_written(key):
    assert read_cursor(write_cursor(key)) == key


@given(st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=9), max_size=3))
def test_an_event_is_heard_as_it_was_told(data):
    told = _event(Event("7", "task", data))
    (heard,) = heard_in(told.split("\n"))
    assert (heard.id, heard.kind, heard.data) == ("7", "task", data)


def test_an_event_that_was_cut_off_is_not_heard():
    assert list(heard_in(["id: 1", "event: task", 'data: {"a":1}'])) == []


@pytest.mark.parametrize(
    ("etag", "expected"),
    [('"2026-11-21T10:00:00.5Z.ab"', "2026-11-21T10:00:00.5Z"), ("*", ""), ("", ""), ('"odd"', "odd")],
)
def test_an_etag_says_when_it_was_changed_last(etag, expected):
    assert expected_in(etag) == expected
