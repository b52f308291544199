"""Running again: from a task on, with outputs pinned, up to a task."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running import VirtualClock, a_workflow, journal_of, names, run, server, setting
from test_runner_resume import DOCUMENTS, completed, executed, without_times

from caseway_runner import Entry, MemoryJournal, NeverStarted, Rerun, Status, rerun_journal, task_references

NOW = "2026-01-02T00:00:00.000000Z"


def posting(name: str, **more: Any) -> dict[str, Any]:
    call = {"method": "post", "endpoint": f"http://svc/{name}", "body": "${ . }"}
    return {name: {"call": "http", "with": call, **more}}


class Counting:
    """Answers with the name of what was called and what it was given."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request.url.path.removeprefix("/"))
        return httpx.Response(200, json={"of": self.calls[-1], "given": request.content.decode()})


def first_run(document: dict[str, Any], value: Any = None) -> list[Entry]:
    journal = MemoryJournal()
    run(document, value, journal=journal, http_transport=server(Counting()))
    return journal.entries


def again(
    document: dict[str, Any], entries: list[Entry], rerun: Rerun, value: Any = None
) -> tuple[Any, list[str]]:
    service = Counting()
    journal = journal_of(rerun_journal(entries, rerun, NOW))
    outcome = run(document, value, id="run-2", journal=journal, http_transport=server(service))
    return outcome, service.calls


THREE = a_workflow(posting("a"), posting("b"), posting("c"))


def test_what_ended_before_the_task_is_taken_and_the_rest_is_done_anew() -> None:
    outcome, calls = again(THREE, first_run(THREE), Rerun("/do/1/b"))
    assert (outcome.status, calls, names(outcome)) == (Status.COMPLETED, ["b", "c"], ["a", "b", "c"])


def test_an_edited_input_reaches_what_is_done_anew() -> None:
    document = a_workflow(posting("a"), setting("s", {"n": "${ $workflow.input.n }"}))
    outcome, calls = again(document, first_run(document, {"n": 1}), Rerun("/do/1/s"), {"n": 2})
    assert (outcome.output, calls) == ({"n": 2}, [])


def test_a_task_that_never_started_cannot_be_run_from() -> None:
    document = a_workflow(setting("a", {"n": 1}, then="end"), posting("b"))
    with pytest.raises(NeverStarted):
        rerun_journal(first_run(document), Rerun("/do/1/b"), NOW)


def test_a_task_within_a_loop_is_run_from_its_first_round() -> None:
    document = a_workflow({"l": {"for": {"in": "[1, 2]"}, "do": [posting("a"), posting("b")]}})
    _, calls = again(document, first_run(document), Rerun("/do/0/l/do/1/b"))
    assert calls == ["b", "a", "b"]


def test_timeouts_count_from_the_new_start() -> None:
    document = a_workflow(posting("a"), {"w": {"wait": {"minutes": 9}}}, timeout={"after": {"minutes": 10}})
    clock = VirtualClock()
    clock.time = clock.time.replace(year=2027)
    journal = journal_of(rerun_journal(first_run(document), Rerun("/do/1/w"), NOW))
    assert run(document, journal=journal, clock=clock).status is Status.COMPLETED


def test_a_pinned_output_stands_for_the_task() -> None:
    outcome, calls = again(THREE, [], Rerun(pins={"/do/1/b": {"pinned": True}}))
    assert calls == ["a", "c"]
    assert outcome.output["given"] == '{"pinned":true}'


def test_a_pin_wins_over_what_was_recorded() -> None:
    _, calls = again(THREE, first_run(THREE), Rerun("/do/2/c", pins={"/do/0/a": 1}))
    assert calls == ["c"]
    outcome, _ = again(THREE, first_run(THREE), Rerun("/do/2/c", pins={"/do/1/b": 5}))
    assert outcome.output["given"] == "5"


def test_a_pinned_output_is_exported_and_not_transformed() -> None:
    document = a_workflow(
        posting("a", output={"as": ".of"}, export={"as": "{a: .}"}), setting("s", {"x": "${ $context.a }"})
    )
    outcome, _ = again(document, [], Rerun(pins={"/do/0/a": "p"}))
    assert outcome.output == {"x": "p"}


def test_nothing_within_a_pinned_task_runs() -> None:
    document = a_workflow({"d": {"do": [posting("a")]}}, posting("b"))
    _, calls = again(document, [], Rerun(pins={"/do/0/d": 1}))
    assert calls == ["b"]


def test_a_task_that_would_be_skipped_is_skipped_though_it_is_pinned() -> None:
    document = a_workflow(posting("a", **{"if": "false"}))
    assert again(document, [], Rerun(pins={"/do/0/a": 1}), {"n": 1})[0].output == {"n": 1}


UNTIL = {
    "a task": (THREE, "/do/1/b", ["a", "b"]),
    "a task in a loop": (
        a_workflow({"l": {"for": {"in": "[1, 2]"}, "do": [posting("a"), posting("b")]}}, posting("c")),
        "/do/0/l/do/0/a",
        ["a"],
    ),
    "a task that is retried": (
        a_workflow({"t": {"try": [posting("a"), posting("b")], "catch": {}}}, posting("c")),
        "/do/0/t/try/0/a",
        ["a"],
    ),
    "a skipped task": (
        a_workflow(posting("a"), posting("b", **{"if": "false"}), posting("c")),
        "/do/1/b",
        ["a"],
    ),
}


@pytest.mark.parametrize("case", UNTIL)
def test_a_partial_run_ends_after(case: str) -> None:
    document, until, called = UNTIL[case]
    outcome, calls = again({**document, "output": {"as": ".nothing.of.it"}}, [], Rerun(until=until))
    assert (outcome.status, outcome.reason, calls) == (Status.COMPLETED, "partial", called)
    assert "of" in str(outcome.output)


def test_a_branch_of_a_fork_may_be_the_end() -> None:
    document = a_workflow({"f": {"fork": {"branches": [posting("a")]}}}, posting("b"))
    outcome, calls = again(document, [], Rerun(until="/do/0/f/fork/branches/0/a"))
    assert (outcome.reason, calls) == ("partial", ["a"])


def test_a_partial_run_that_was_cut_stays_partial() -> None:
    entries = rerun_journal([], Rerun(until="/do/1/b", pins={"/do/0/a": 1}), NOW)
    journal = MemoryJournal(entries)
    run(THREE, journal=journal, http_transport=server(Counting()))
    service = Counting()
    outcome = run(THREE, journal=journal_of(journal.entries[:-1]), http_transport=server(service))
    assert (outcome.reason, service.calls) == ("partial", ["b"])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=DOCUMENTS, data=st.data())
def test_a_rerun_from_any_task_gives_what_the_first_run_gave(document: Any, data: Any) -> None:
    whole = MemoryJournal()
    first, _ = executed(document, whole)
    started = sorted({task.reference for task in first.tasks})
    if not started or any(entry.kind in ("settled", "received", "cut") for entry in whole.entries):
        return  # races, events and timeouts depend on the time of the run
    origin = data.draw(st.sampled_from(started))
    journal = journal_of(rerun_journal(whole.entries, Rerun(origin), whole.entries[-1].at))
    kept = completed(journal.entries)
    second, service = executed(document, journal)
    assert not {key.removeprefix("run-1:") for key in service.keys} & set(kept)
    assert second.status is first.status
    assert without_times(second.output) == without_times(first.output)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=DOCUMENTS)
def test_pinning_what_a_top_task_gave_changes_nothing_after_it(document: Any) -> None:
    first, _ = executed(document, MemoryJournal())
    tops = {task.reference: task for task in first.tasks if task.reference.count("/") == 3}
    if first.status is not Status.COMPLETED or any(
        t["if"] for t in map(_definition, document["do"]) if "if" in t
    ):
        return
    wanted = {reference: task.output for reference, task in tops.items()}
    second, service = executed(document, journal_of(rerun_journal([], Rerun(pins=wanted), NOW)))
    assert service.keys == []
    assert without_times(second.output) == without_times(first.output)


def _definition(item: dict[str, Any]) -> dict[str, Any]:
    definition: dict[str, Any] = next(iter(item.values()))
    return definition


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=DOCUMENTS)
def test_every_task_that_starts_is_among_the_references_of_its_document(document: Any) -> None:
    outcome, _ = executed(document, MemoryJournal())
    known = set(task_references(document))
    for task in outcome.tasks:
        if "/()" not in task.position and not any("x" in step for step in task.reference.split("/")):
            assert task.reference in known or _is_in_child(task.reference, known)


def _is_in_child(reference: str, known: set[str]) -> bool:
    """Tasks of a sub-workflow stand below the task that runs it."""
    return any(reference.startswith(one + "/do/") for one in known)
