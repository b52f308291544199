"""The limits of an execution that no other test is about: the journal's size, and branches at a time."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from running import VirtualClock, a_workflow, getting, journal_of, run, server, setting

from caseway_runner import Limits, MemoryJournal, Outcome, Policy, Status


def limited(document: Any, journal: MemoryJournal | None = None, **limits: Any) -> Outcome:
    policy = Policy(limits=Limits(**limits))
    transport = server(lambda _: httpx.Response(200, json={"text": "x" * 1000}))
    return run(document, policy=policy, journal=journal or MemoryJournal(), http_transport=transport)


CALLS = a_workflow(*(getting(f"c{number}", "http://svc/") for number in range(10)))


def test_a_journal_that_grows_too_large_ends_the_execution() -> None:
    assert limited(CALLS, journal_bytes=20_000).status is Status.COMPLETED
    outcome = limited(CALLS, journal_bytes=5_000)
    assert (outcome.status, outcome.reason) == (Status.FAULTED, "limit")
    assert outcome.error is not None and "journal" in outcome.error.detail


def test_no_try_catches_it() -> None:
    document = a_workflow({"t": {"try": CALLS["do"], "catch": {}}})
    assert limited(document, journal_bytes=5_000).reason == "limit"


def test_what_earlier_runs_recorded_counts() -> None:
    whole = MemoryJournal()
    limited(CALLS, whole)
    half = journal_of(whole.entries[: len(whole.entries) // 2])
    assert limited(CALLS, half, journal_bytes=8_000).reason == "limit"


@pytest.mark.parametrize("limit", [1, 3])
def test_a_fork_runs_no_more_branches_at_a_time_than_it_may(limit: int) -> None:
    tasks = [{f"w{number}": {"wait": {"seconds": 10}}} for number in range(6)]
    clock = VirtualClock()
    start = clock.now()
    run(
        a_workflow({"f": {"fork": {"branches": tasks}}}),
        clock=clock,
        policy=Policy(limits=Limits(concurrency=limit)),
    )
    assert (clock.now() - start).total_seconds() == 10 * (6 // limit)


HOSTILE = ("[range(1e9)]", "until(false; .)", "[limit(1e9; repeat(1))]", "def f: f; f")
PLACES = {
    "set": lambda text: setting("s", {"x": text}),
    "if": lambda text: setting("s", {"x": 1}, **{"if": text}),
    "for": lambda text: {"f": {"for": {"in": text}, "do": [setting("s", {"x": 1})]}},
    "switch": lambda text: {"s": {"switch": [{"c": {"when": text, "then": "end"}}]}},
    "output": lambda text: setting("s", {"x": 1}, output={"as": text}),
    "export": lambda text: setting("s", {"x": 1}, export={"as": text}),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_expression_is_an_expression_error_wherever_it_stands(place: str, text: str) -> None:
    policy = Policy(limits=Limits(expression_seconds=0.3, expression_bytes=64 * 1024 * 1024))
    outcome = run(a_workflow(PLACES[place](f"${{ {text} }}")), policy=policy)
    assert outcome.status is Status.FAULTED and outcome.error is not None
    assert outcome.error.type.endswith("/expression"), outcome.error
