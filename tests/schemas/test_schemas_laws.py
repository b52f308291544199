"""What holds for all documents: nothing crashes the check, and a rejection is always explained."""

from __future__ import annotations

import datetime
import json
import math
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator
from schema_documents import cases, load
from schema_mutation import mutations

from caseway.repo.explain import explain
from caseway.repo.leaf_checks import Walk
from caseway.repo.schema import KINDS, _matches, fill_defaults, kind_named, schema, suspicions, violations

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ODD = SCALARS | st.binary(max_size=2) | st.dates() | st.characters(categories=["Cs"])
KEYS = st.sampled_from(["do", "call", "with", "set", "document", "spec", "metadata", "use", "if", "a"])
VALUES = st.recursive(
    ODD,
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(KEYS | st.text(max_size=4), below, max_size=4)
        | st.dictionaries(st.integers(), below, max_size=2)
    ),
    max_leaves=12,
)


@given(kind=st.sampled_from(KINDS), value=VALUES)
def test_no_input_crashes_the_check(kind: str, value: Any) -> None:
    for violation in violations(kind, value):
        assert violation.message.isprintable()
        assert violation.pointer == "" or violation.pointer.startswith("/")


@given(kind=st.sampled_from(KINDS), value=VALUES)
def test_no_input_crashes_the_search_for_suspicions(kind: str, value: Any) -> None:
    assert isinstance(suspicions(kind, value), list)


@given(kind=st.sampled_from(KINDS), value=VALUES)
def test_no_input_crashes_the_filling_of_defaults(kind: str, value: Any) -> None:
    fill_defaults(kind, value)


@pytest.mark.parametrize("verdict", ["valid", "invalid"])
def test_what_is_rejected_is_explained_and_what_is_accepted_is_not(verdict: str) -> None:
    for kind, path in cases(verdict):
        root = schema(kind)
        fast, walk = Draft202012Validator(root), Walk(root, _matches)
        document = load(path)
        if path.stem in ("not-json", "number-as-key"):
            continue
        for what, changed in islice(mutations(document), 0, None, 37):
            explained = explain(walk, changed)
            assert (explained == []) == fast.is_valid(changed), (path.stem, what, explained)


@given(st.data())
def test_filling_defaults_twice_changes_nothing_more(data: st.DataObject) -> None:
    kind, path = data.draw(st.sampled_from(cases("valid")))
    filled = fill_defaults(kind, load(path))
    assert fill_defaults(kind, filled) == filled


@pytest.mark.parametrize(("kind", "path"), cases("valid"), ids=str)
def test_a_valid_document_stays_valid_with_its_defaults(kind: str, path: Any) -> None:
    document = load(path)
    before = json.dumps(document)
    assert violations(kind, fill_defaults(kind, document)) == []
    assert json.dumps(document) == before


def test_defaults_reach_into_objects_that_are_absent() -> None:
    filled = fill_defaults("Project", {"spec": {}})
    assert filled["spec"]["defaults"]["resources"]["memory"] == "1GB"
    assert filled["spec"]["stages"][1] == {"name": "prod", "follows": "published", "protected": False}


def test_defaults_of_a_use_case_leave_room_for_those_of_the_project() -> None:
    spec = fill_defaults("UseCase", {"spec": {"resources": {"cpu": 2}}})["spec"]
    assert spec["resources"] == {"cpu": 2}
    assert "runtime" not in spec
    assert "target" not in spec


def test_defaults_of_a_trigger_are_those_of_its_type() -> None:
    trigger = {"id": "a", "type": "schedule", "every": "5m"}
    filled = fill_defaults("UseCase", {"spec": {"workflows": [{"triggers": [trigger]}]}})
    assert filled["spec"]["workflows"][0]["triggers"] == [
        {**trigger, "timezone": "UTC", "overlap": False, "misfire": "once"}
    ]


def test_defaults_of_a_task_are_those_of_its_kind() -> None:
    tasks = [{"a": {"for": {"in": "${ . }"}, "do": [{"b": {"fork": {"branches": []}}}]}}, {"c": {"do": []}}]
    filled = fill_defaults("Workflow", {"do": tasks})["do"]
    assert filled[0]["a"]["for"] == {"in": "${ . }", "each": "item", "at": "index"}
    assert filled[0]["a"]["do"][0]["b"]["fork"] == {"branches": [], "compete": False}
    assert filled[1] == {"c": {"do": []}}


def test_depth_is_bounded() -> None:
    deep: Any = {}
    for _ in range(5000):
        deep = {"a": deep}
    assert [each.keyword for each in violations("Workflow", deep)] == ["depth"]


@pytest.mark.parametrize("value", [math.nan, math.inf, datetime.date(2026, 1, 1), b"x", {1, 2}])
def test_what_json_cannot_say_is_refused_even_where_anything_goes(value: Any) -> None:
    document = {"spec": {"useCase": "a", "parameters": {"x": [value]}}}
    assert [each.pointer for each in violations("Instance", document)] == ["/spec/parameters/x/0"]


def test_a_misspelt_key_where_others_are_allowed_is_a_suspicion() -> None:
    root: Any = schema("Workflow")["examples"]
    found = suspicions("Workflow", {**root[0], "shedule": {}})
    assert [each.message for each in found] == ["unknown key 'shedule' — did you mean 'schedule'?"]


def test_a_violation_is_not_a_suspicion_too() -> None:
    assert suspicions("Workflow", {"document": {"titel": 1}, "do": []}) == []


def test_a_message_never_shows_a_secret() -> None:
    document = {"spec": {"secrets": {}, "expect": {}, "workflow": "a"}, "password": "hunter2"}
    assert not any("hunter2" in each.message for each in violations("WorkflowTest", document))


@pytest.mark.parametrize("kind", KINDS)
def test_the_number_of_violations_is_bounded(kind: str) -> None:
    many = {f"key{index}": index for index in range(5000)}
    assert 0 < len(violations(kind_named(kind), {"spec": many, **many})) <= 300


def test_a_long_list_with_a_repetition_is_judged_in_one_pass() -> None:
    tags = [f"tag{number}" for number in range(30_000)] + ["tag0"]
    found = violations(
        "UseCase", {"spec": {"title": "T", "workflows": [{"id": "a", "file": "a"}], "tags": tags}}
    )
    assert "/spec/tags/30000" in {each.pointer for each in found}
