"""What stubs answer, and what counts as the same request or value."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import caseway_runner as runner
from caseway.worker.border import Border, contains, is_equal, is_request
from caseway.worker.coverage import coverage, taken
from caseway.worker.quantities import limits_from, seconds, size
from caseway_runner import Limits, StubCall

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_every_value_equals_and_contains_itself(value):
    assert is_equal(value, value)
    assert contains(value, value)


@given(JSON, JSON)
def test_equality_is_symmetric(one, other):
    assert is_equal(one, other) == is_equal(other, one)


def test_numbers_are_equal_by_value_and_never_equal_to_booleans():
    assert is_equal(1, 1.0)
    assert not is_equal(1, True)
    assert not is_equal(0, False)


def test_contains_ignores_extra_members_but_not_extra_items():
    assert contains({"a": 1, "b": 2}, {"a": 1})
    assert not contains([1, 2], [1])


@pytest.mark.parametrize(
    ("request_", "wanted", "fits"),
    [
        ({"method": "GET", "url": "http://a/x"}, {"url": "http://a/*"}, True),
        ({"method": "POST", "url": "http://a/x"}, {"url": "http://a/*"}, False),
        ({"method": "POST", "url": "http://a/x"}, {"method": "*", "url": "http://a/x"}, True),
        ({"method": "GET", "url": "http://a/x?q=1"}, {"url": "http://a/x"}, True),
        ({"method": "GET", "url": "http://a/x?q=1"}, {"url": "http://a/x?q=1"}, True),
        ({"method": "GET", "url": "http://a/[1]"}, {"url": "http://a/[1]"}, True),
        ({"method": "PUT", "url": "u", "body": [1]}, {"method": "put", "url": "u", "body": [1]}, True),
        ({"method": "PUT", "url": "u", "body": [1, 2]}, {"method": "PUT", "url": "u", "body": [1]}, False),
    ],
)  # fmt: skip
def test_a_request_fits_by_method_url_and_exact_body(request_, wanted, fits):
    assert is_request(request_, wanted) is fits


def test_the_network_refuses_what_has_no_stub():
    border = Border()
    with pytest.raises(httpx.ConnectError):
        border.answer(httpx.Request("GET", "http://a/x"))
    assert border.unstubbed == ["GET http://a/x has no stub"]


def test_a_stubbed_task_shows_its_request():
    border = Border([{"task": "ask", "returns": 5}])
    arguments = {"method": "post", "url": "http://a/x", "query": {"q": "1"}, "body": [1]}
    answer = border(StubCall("/do/0/ask", "ask", "http", arguments))
    assert answer is not None
    assert answer.output == 5
    assert border.requests == [{"method": "POST", "url": "http://a/x?q=1", "body": [1]}]


def test_a_sub_workflow_without_a_stub_runs_for_real():
    assert Border()(StubCall("/do/0/sub", "sub", "workflow", {})) is None


def test_coverage_names_nested_tasks_in_document_order():
    document = {"do": [
        {"a": {"try": [{"b": {"set": {}}}], "catch": {"do": [{"c": {"set": {}}}]}}},
        {"d": {"fork": {"branches": [{"e": {"do": [{"f": {"set": {}}}]}}]}}},
        {"g/h": {"for": {"in": "${ . }"}, "do": [{"i": {"set": {}}}]}},
    ]}  # fmt: skip
    found = coverage("x", document, ["/do/0/a", "/do/0/a/try/0/b"])
    assert found.tasks == (
        "/do/0/a", "/do/0/a/try/0/b", "/do/0/a/catch/do/0/c", "/do/1/d", "/do/1/d/fork/branches/0/e",
        "/do/1/d/fork/branches/0/e/do/0/f", "/do/2/g~1h", "/do/2/g~1h/do/0/i",
    )  # fmt: skip
    assert found.percent == 25.0


FAILING = {"if": ".n == 1", "raise": {"error": {"type": "http://x/", "status": 400}}}
CASES = [{"big": {"when": ".n > 2", "then": "t"}}, {"even": {"when": ".n == 2", "then": "t"}}]
BRANCHING = {
    "document": {"dsl": "1.0.3", "namespace": "t", "name": "t", "version": "1.0.0"},
    "do": [
        {"a": {"if": ".n > 1", "set": "${ . }"}},
        {"s": {"switch": CASES}},
        {"t": {"try": [{"r": FAILING}], "catch": {}}},
    ],
}
WAYS = {
    1: {"/do/0/a if false", "/do/1/s no case", "/do/2/t catch", "/do/2/t/try/0/r if true"},
    2: {"/do/0/a if true", "/do/1/s case even", "/do/2/t no error", "/do/2/t/try/0/r if false"},
    3: {"/do/0/a if true", "/do/1/s case big", "/do/2/t no error", "/do/2/t/try/0/r if false"},
}


def ways_of(n):
    journal = runner.MemoryJournal()
    program = runner.compile_workflow(BRANCHING)
    outcome = asyncio.run(
        runner.execute(program, {"n": n}, runner.Execution("x"), runner.Ports(journal=journal))
    )
    return set(taken(outcome, journal.entries))


@pytest.mark.parametrize("n", WAYS)
def test_the_ways_a_run_took_are_told(n):
    known = set(coverage("x", BRANCHING, []).branches)
    assert ways_of(n) & known == WAYS[n]


def test_branches_that_no_run_took_are_missed():
    found = coverage("x", BRANCHING, [], ways_of(1) | ways_of(2))
    assert found.missed_branches == ("/do/1/s case big",)
    assert round(found.branch_percent) == 89
    assert coverage("x", BRANCHING, [], ways_of(1) | ways_of(2) | ways_of(3)).branch_percent == 100.0


def test_durations_and_sizes_are_read():
    assert seconds("15m") == 900
    assert seconds("500ms") == 0.5
    assert size("1.5KB") == 1500


def test_declared_limits_never_exceed_the_operator_s():
    most = Limits(activations=100, wall_seconds=60, output_bytes=1000)
    found = limits_from({"activations": 500, "timeout": "15m", "maxOutput": "10B"}, most)
    assert (found.activations, found.wall_seconds, found.output_bytes) == (100, 60, 10)
