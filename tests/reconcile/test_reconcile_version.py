"""Which version comes next, and which rule says so."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caseway.model.desired import Strategy
from caseway.model.snapshot import Template
from caseway.model.states import TemplateStatus
from caseway.reconcile.compatibility import RULES, Bump
from caseway.reconcile.ranges import version_of
from caseway.reconcile.version import infer
from reconcile.builders import a_body, a_use_case, a_workflow

SCHEMA = {
    "type": "object",
    "properties": {"total": {"type": "number", "minimum": 0}, "note": {"type": "string"}},
    "required": ["total"],
}


def a_whole_body() -> dict[str, Any]:
    """A body with everything a contract has."""
    workflow = a_workflow(
        "intake",
        response="sync",
        triggers=[
            {"id": "http", "type": "http", "method": "POST", "path": "/in", "auth": "none"},
            {"id": "nightly", "type": "schedule", "cron": "0 2 * * *"},
        ],
        definition={
            "do": [{"say": {"set": {"a": 1}}}],
            "input": {"schema": {"document": copy.deepcopy(SCHEMA)}},
            "output": {"schema": {"document": {"properties": {"id": {"type": "string"}}}}},
        },
    )
    return a_body(
        workflows=[workflow],
        parameters={"type": "object", "properties": {"limit": {"type": "number", "default": 3}}},
        credentials={"erp": {"type": "bearer", "scope": "organization", "required": False}},
        connections=["db"],
    )


def a_template(body: dict[str, Any], version: str = "1.2.3") -> Template:
    """A stored template."""
    return Template(version, 7, "sha256:old", TemplateStatus.INACTIVE, "", body)


Edit = Callable[[dict[str, Any]], Any]
CASES: dict[str, tuple[str, Edit]] = {
    "a workflow goes": ("workflow-removed", lambda b: b["workflows"].clear()),
    "a workflow comes": ("workflow-added", lambda b: b["workflows"].append(a_workflow("more"))),
    "a trigger goes": ("trigger-removed", lambda b: b["workflows"][0]["triggers"].pop()),
    "a trigger comes": (
        "trigger-added",
        lambda b: b["workflows"][0]["triggers"].append({"id": "manual", "type": "manual"}),
    ),
    "a path changes": ("trigger-changed", lambda b: b["workflows"][0]["triggers"][0].update(path="/new")),
    "a key is asked for": ("trigger-changed", lambda b: b["workflows"][0]["triggers"][0].update(auth="key")),
    "a cron changes": (
        "content-changed",
        lambda b: b["workflows"][0]["triggers"][1].update(cron="0 3 * * *"),
    ),
    "an answer goes": ("response-removed", lambda b: b["workflows"][0].update(response="async")),
    "an output goes": (
        "output-removed",
        lambda b: b["workflows"][0]["definition"]["output"]["schema"]["document"]["properties"].clear(),
    ),
    "an output comes": (
        "output-added",
        lambda b: b["workflows"][0]["definition"]["output"]["schema"]["document"]["properties"].update(
            at={"type": "string"}
        ),
    ),
    "an output changes its type": (
        "output-changed",
        lambda b: b["workflows"][0]["definition"]["output"]["schema"]["document"]["properties"]["id"].update(
            type=["string", "null"]
        ),
    ),
    "an output is described": (
        "content-changed",
        lambda b: b["workflows"][0]["definition"]["output"]["schema"]["document"]["properties"]["id"].update(
            description="x", maxLength=9
        ),
    ),
    "an input is required": (
        "input-schema-narrowed",
        lambda b: b["workflows"][0]["definition"]["input"]["schema"]["document"]["required"].append("note"),
    ),
    "an optional input comes": (
        "input-schema-widened",
        lambda b: b["workflows"][0]["definition"]["input"]["schema"]["document"]["properties"].update(
            more={"type": "string"}
        ),
    ),
    "an input changes beyond comparing": (
        "input-schema-changed",
        lambda b: b["workflows"][0]["definition"]["input"]["schema"]["document"].update(
            {"if": {"minimum": 1}}
        ),
    ),
    "the input schema goes": (
        "input-schema-widened",
        lambda b: b["workflows"][0]["definition"].pop("input"),
    ),
    "the input schema moves to a file": (
        "input-schema-narrowed",
        lambda b: b["workflows"][0]["definition"].update(
            input={"schema": {"resource": {"endpoint": "http://x"}}}
        ),
    ),
    "a parameter goes": ("parameter-removed", lambda b: b["parameters"]["properties"].clear()),
    "a parameter comes": (
        "parameter-added",
        lambda b: b["parameters"]["properties"].update(more={"type": "string"}),
    ),
    "a needed parameter comes": (
        "parameter-required",
        lambda b: b["parameters"].update(
            properties={**b["parameters"]["properties"], "more": {"type": "string"}}, required=["more"]
        ),
    ),
    "a required parameter with a default comes": (
        "parameter-added",
        lambda b: b["parameters"].update(
            properties={**b["parameters"]["properties"], "more": {"default": 1}}, required=["more"]
        ),
    ),
    "a parameter is bounded": (
        "parameter-narrowed",
        lambda b: b["parameters"]["properties"]["limit"].update(maximum=9),
    ),
    "a parameter takes more": (
        "parameter-widened",
        lambda b: b["parameters"]["properties"]["limit"].update(type=["number", "string"]),
    ),
    "parameters hang together": (
        "parameter-narrowed",
        lambda b: b["parameters"].update(dependentRequired={"a": ["b"]}),
    ),
    "a default changes": (
        "content-changed",
        lambda b: b["parameters"]["properties"]["limit"].update(default=4),
    ),
    "a credential is needed": (
        "credential-required",
        lambda b: b["credentials"]["erp"].update(required=True),
    ),
    "a needed credential comes": (
        "credential-required",
        lambda b: b["credentials"].update(crm={"type": "basic", "required": True}),
    ),
    "an optional credential comes": (
        "credential-added",
        lambda b: b["credentials"].update(crm={"type": "basic", "required": False}),
    ),
    "a credential changes": ("credential-changed", lambda b: b["credentials"]["erp"].update(type="basic")),
    "a credential goes": ("content-changed", lambda b: b["credentials"].clear()),
    "a connection comes": ("connection-added", lambda b: b["connections"].append("cache")),
    "a task changes": (
        "content-changed",
        lambda b: b["workflows"][0]["definition"].update(do=[{"say": {"set": {"a": 2}}}]),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_rule_that_fires_is_named_and_moves_its_part(name: str) -> None:
    rule, edit = CASES[name]
    body = a_whole_body()
    edit(body)
    found = infer(a_template(a_whole_body()), a_use_case(body=body))
    expected = {Bump.MAJOR: "2.0.0", Bump.MINOR: "1.3.0", Bump.PATCH: "1.2.4"}
    assert (found.rule, found.bump, found.version) == (rule, RULES[rule], expected[RULES[rule]])


def test_an_answer_that_comes_is_an_addition() -> None:
    before = a_whole_body()
    before["workflows"][0]["response"] = "async"
    assert infer(a_template(before), a_use_case(body=a_whole_body())).rule == "response-added"


def test_the_cases_cover_every_rule() -> None:
    assert {rule for rule, _ in CASES.values()} | {"response-added"} == set(RULES)


def test_the_most_severe_rule_is_said_first_and_the_others_counted() -> None:
    body = a_whole_body()
    body["connections"].append("cache")
    body["parameters"]["properties"] = {"more": {}}
    found = infer(a_template(a_whole_body()), a_use_case(body=body))
    assert found.details[0] == "parameter 'limit' removed"
    assert found.reason == "major: parameter 'limit' removed (and 2 more)"


def test_the_first_version_is_one_zero_zero() -> None:
    found = infer(None, a_use_case())
    assert (found.version, found.rule, found.reason) == ("1.0.0", "first-version", "first version")


def test_an_explicit_version_is_taken_as_it_stands() -> None:
    found = infer(a_template(a_body()), a_use_case(version="0.9.0"))
    assert (found.version, found.bump, found.rule) == ("0.9.0", Bump.EXPLICIT, "explicit-version")


@pytest.mark.parametrize(
    ("strategy", "version"),
    [(Strategy.PATCH, "1.2.4"), (Strategy.MINOR, "1.3.0"), (Strategy.MAJOR, "2.0.0")],
)
def test_a_strategy_moves_its_part_whatever_changed(strategy: Strategy, version: str) -> None:
    found = infer(a_template(a_whole_body()), a_use_case(strategy=strategy))
    assert (found.version, found.rule) == (version, f"strategy-{strategy}")


def test_a_version_comes_after_the_highest_even_when_the_last_was_lower() -> None:
    found = infer(a_template(a_body(), "1.0.1"), a_use_case(title="new"), ["1.0.0", "2.4.0", "1.0.1"])
    assert found.version == "2.4.1"


def test_after_a_pre_release_comes_a_release() -> None:
    assert infer(a_template(a_body(), "2.0.0-rc.1"), a_use_case(title="new")).version == "2.0.1"


VERSIONS = st.builds(lambda *parts: ".".join(map(str, parts)), *[st.integers(0, 30)] * 3)


@settings(max_examples=100, deadline=None)
@given(st.lists(VERSIONS, min_size=1, max_size=6), st.sampled_from(Strategy), st.sampled_from(sorted(CASES)))
def test_an_inferred_version_is_above_all_there_are(there: list[str], strategy: Strategy, name: str) -> None:
    body = a_whole_body()
    CASES[name][1](body)
    found = infer(a_template(a_whole_body(), there[-1]), a_use_case(body=body, strategy=strategy), there)
    assert all(version_of(found.version) > version_of(text) for text in there)
