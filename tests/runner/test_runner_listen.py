"""`listen`: what is consumed, in which order, until when; cut off and put to sleep, it ends the same."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from running import TimedMailbox, VirtualClock, a_workflow, journal_of, run, setting

from caseway_runner import EventLog, MemoryJournal, Outcome, Status, StubAnswer, problems


def event(kind: str, data: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{kind}-{data}",
        "source": "http://s",
        "type": kind,
        "data": data,
    } | more


def listening(to: Any, foreach: Any = None, **more: Any) -> dict[str, Any]:
    task: dict[str, Any] = {"listen": {"to": to, **more}}
    return {"l": task if foreach is None else task | {"foreach": foreach}}


def heard(task: Any, *events: dict[str, Any], **ports: Any) -> Outcome:
    clock = VirtualClock()
    timed = [(float(at), one) for at, one in enumerate(events, 1)]
    document = task if "do" in task else a_workflow(task)
    return run(document, {"room": 7}, clock=clock, mailbox=TimedMailbox(clock, timed), **ports)


A, B = {"with": {"type": "a"}}, {"with": {"type": "b"}}


def test_one_event_is_an_array_of_one() -> None:
    assert heard(listening({"one": A}), event("b", 1), event("a", 2), event("a", 3)).output == [2]


def test_all_waits_for_each_filter_once_and_keeps_the_order_of_arrival() -> None:
    outcome = heard(listening({"all": [A, B]}), event("b", 1), event("b", 2), event("a", 3))
    assert outcome.output == [1, 3]


def test_any_takes_the_first_that_fits_and_without_filters_every_event() -> None:
    assert heard(listening({"any": [A, B]}), event("c", 0), event("b", 1)).output == [1]
    assert heard(listening({"any": []}), event("c", 0)).output == [0]


def test_an_expression_looks_at_the_attribute_and_decides() -> None:
    hot = {"with": {"type": "a", "data": "${ .t > 38 }"}}
    assert heard(listening({"one": hot}), event("a", {"t": 37}), event("a", {"t": 39})).output == [{"t": 39}]


def test_an_expression_that_gives_a_value_is_compared() -> None:
    mine = {"with": {"type": "a", "subject": '${ "room-\\($input.room)" }'}}
    outcome = heard(
        listening({"one": mine}), event("a", 1, subject="room-8"), event("a", 2, subject="room-7")
    )
    assert outcome.output == [2]


def test_an_expression_that_fails_on_an_event_passes_it_over() -> None:
    odd = {"with": {"data": '${ .t > 38 and (.name | startswith("x")) }'}}
    events = event("a", {"t": 50, "name": 3}), event("a", {"t": 50, "name": "xy"})
    assert heard(listening({"one": odd}), *events).output == [{"t": 50, "name": "xy"}]


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        ("com[.]acme[.].*", 1),
        ("com.acme.(paid|sent)", 1),
        ("com.acme.paid", 1),
        ("com.*(", 2),
        ("paid", None),
    ],
)
def test_an_attribute_may_be_a_regular_expression_for_all_of_it(pattern: str, taken: int | None) -> None:
    kinds = ["comXacme.paidX", "com.acme.paid", "com.*("]
    events = [event(kind, at) for at, kind in enumerate(kinds)] + [event("end", 9)]
    outcome = heard(
        listening({"any": [{"with": {"type": pattern}}], "until": {"one": {"with": {"type": "end"}}}}),
        *events,
    )
    assert outcome.output == ([] if taken is None else [taken])


def test_a_condition_counts_without_braces_where_expressions_are_loose() -> None:
    document = a_workflow(listening({"one": {"with": {"type": "a", "data": ".t > 38"}}})) | {
        "evaluate": {"mode": "loose"}
    }
    assert heard(document, event("a", {"t": 37}), event("a", {"t": 39})).output == [{"t": 39}]


def test_until_a_condition_on_what_was_consumed() -> None:
    outcome = heard(listening({"any": [], "until": "length > 2"}), *[event("a", n) for n in range(5)])
    assert outcome.output == [0, 1, 2]


def test_until_an_event_that_is_not_part_of_the_output() -> None:
    outcome = heard(listening({"any": [A], "until": {"one": B}}), event("a", 1), event("a", 2), event("b", 3))
    assert outcome.output == [1, 2]


@pytest.mark.parametrize(
    ("read", "expected"),
    [("data", {"n": 1}), ("raw", '{"n":1}'), ("envelope", event("a", {"n": 1}))],
)
def test_read_says_what_of_an_event_is_given(read: str, expected: Any) -> None:
    assert heard(listening({"one": A}, read=read), event("a", {"n": 1})).output == [expected]


def test_foreach_runs_its_tasks_on_each_event() -> None:
    each = {
        "item": "e",
        "at": "i",
        "do": [setting("twice", {"v": "${ $e * 2 }", "i": "${ $i }"})],
        "output": {"as": ".v + .i"},
        "export": {"as": "{last: $output}"},
    }
    document = a_workflow(
        listening({"any": [A], "until": {"one": B}}, each), setting("s", "${ [., $context.last] }")
    )
    outcome = heard(document, event("a", 10), event("a", 20), event("b", 0))
    assert outcome.output == [[20, 41], 41]


def correlated(kind: str, **more: Any) -> dict[str, Any]:
    return {"with": {"type": kind}, "correlate": {"room": {"from": ".roomid", **more}}}


def test_correlated_events_share_the_value_of_the_first() -> None:
    events = [event("b", 1, roomid=1), event("a", 2, roomid=2), event("a", 3), event("a", 4, roomid=1)]
    assert heard(listening({"all": [correlated("a"), correlated("b")]}), *events).output == [1, 4]


def test_a_correlation_may_expect_a_value() -> None:
    wanted = correlated("a", expect="${ .room }")
    assert heard(listening({"one": wanted}), event("a", 1, roomid=1), event("a", 2, roomid=7)).output == [2]


def test_a_later_listen_does_not_take_what_an_earlier_one_took() -> None:
    first, second = listening({"one": A})["l"], listening({"one": A})["l"]
    outcome = heard(
        a_workflow(
            {"x": first | {"export": {"as": "{got: .}"}}},
            {"y": second},
            setting("s", "${ [$context.got, .] }"),
        ),
        event("a", 1),
        event("a", 2),
    )
    assert outcome.output == [[1], [2]]


def test_branches_of_a_fork_each_take_the_event() -> None:
    branches = [{"x": listening({"one": A})["l"]}, {"y": listening({"one": A})["l"]}]
    assert heard({"f": {"fork": {"branches": branches}}}, event("a", 1)).output == [[1], [1]]


def test_what_came_before_the_listen_is_not_lost() -> None:
    document = a_workflow({"w": {"wait": {"seconds": 30}}}, listening({"one": A}))
    assert heard(document, event("a", 1)).output == [1]


def test_events_that_the_execution_emits_come_back_to_it() -> None:
    emit = {"e": {"emit": {"event": {"with": {"source": "http://x", "type": "a", "data": {"n": 5}}}}}}
    document = a_workflow({"f": {"fork": {"branches": [listening({"one": A}), emit]}}})
    assert run(document, events=EventLog()).output[0] == [{"n": 5}]


def test_a_timeout_ends_the_listening() -> None:
    task = listening({"one": B})["l"] | {"timeout": {"after": {"seconds": 60}}}
    outcome = heard({"l": task}, event("a", 1))
    assert (outcome.status, outcome.reason) == (Status.FAULTED, "timeout")


def test_a_listen_may_be_stubbed() -> None:
    outcome = heard(listening({"one": A}), stub=lambda call: StubAnswer([call.kind]))
    assert outcome.output == ["listen"]


@pytest.mark.parametrize(
    ("to", "pointer"),
    [
        ({}, ""),
        ({"one": A, "any": []}, ""),
        ({"one": {}}, "/one"),
        ({"any": {}}, "/any"),
        ({"one": {"with": {}}}, "/one/with"),
        ({"all": [A], "until": "true"}, "/until"),
        ({"any": [], "until": {"any": [], "until": "true"}}, "/until/until"),
        ({"one": {"with": {"type": "${ .. | }"}}}, "/one/with/type"),
        ({"one": {"with": {"type": "a"}, "correlate": {"k": {}}}}, "/one/correlate/k"),
    ],
)
def test_malformed_listens_are_refused_with_their_place(to: Any, pointer: str) -> None:
    found = problems(a_workflow(listening(to)))
    assert [problem.pointer for problem in found] == [f"/do/0/l/listen/to{pointer}"]


def test_what_was_consumed_is_taken_from_the_journal_wherever_it_was_cut() -> None:
    each = {"do": [setting("s", "${ . + 1 }"), {"w": {"wait": {"seconds": 3}}}]}
    document = a_workflow(
        listening({"any": [A], "until": {"one": B}}, each), {"m": listening({"all": [A, B]})["l"]}
    )
    events = [event(kind, n) for n, kind in enumerate("aacbbaab")]
    whole = MemoryJournal()
    uncut = heard(document, *events, journal=whole)
    assert uncut.output == [4, 5]
    for at in range(len(whole.entries)):
        journal = journal_of(whole.entries[:at])
        assert heard(document, *events, journal=journal).output == uncut.output
        assert {entry.position for entry in journal.entries} == {entry.position for entry in whole.entries}


SLEEP = {"w": {"wait": {"hours": 3}}}


def asleep(document: Any, journal: MemoryJournal, clock: VirtualClock, **ports: Any) -> Outcome:
    return run(document, journal=journal, clock=clock, can_sleep=True, **ports)


def later(clock: VirtualClock, passed: timedelta = timedelta()) -> VirtualClock:
    """The clock of another process, later."""
    other = VirtualClock()
    other.time = clock.time + passed
    return other


def test_a_long_wait_returns_instead_of_waiting_in_memory() -> None:
    clock, journal = VirtualClock(), MemoryJournal()
    document = a_workflow(setting("a", "${ 1 }"), SLEEP, setting("b", "${ 2 }"))
    outcome = asleep(document, journal, clock)
    assert outcome.status is Status.WAITING
    assert outcome.waiting is not None
    assert outcome.waiting.until == clock.time + timedelta(hours=3)
    assert [(task.name, task.status) for task in outcome.tasks] == [("a", "completed"), ("w", "waiting")]
    assert asleep(document, journal, later(clock, timedelta(hours=3))).output == 2


def test_a_short_wait_stays_in_memory() -> None:
    outcome = asleep(
        a_workflow({"w": {"wait": {"seconds": 4}}}, setting("b", "${ 2 }")), MemoryJournal(), VirtualClock()
    )
    assert outcome.output == 2


def test_an_execution_sleeps_only_when_every_branch_waits() -> None:
    clock, journal = VirtualClock(), MemoryJournal()
    short = {"d": {"do": [{"w": {"wait": {"seconds": 4}}}, setting("s", '${ "done" }')]}}
    document = a_workflow({"f": {"fork": {"branches": [SLEEP, short, listening({"one": A})]}}})
    outcome = asleep(document, journal, clock)
    assert outcome.waiting is not None
    assert dict(outcome.waiting.filters[0]) == {"type": "a"}
    assert sorted((task.name, task.status) for task in outcome.tasks) == [
        ("d", "completed"),
        ("f", "running"),
        ("l", "waiting"),
        ("s", "completed"),
        ("w", "completed"),
        ("w", "waiting"),
    ]
    assert clock.time < VirtualClock().time + timedelta(minutes=1)


def test_a_timeout_wakes_a_sleeper_and_strikes() -> None:
    clock, journal = VirtualClock(), MemoryJournal()
    document = a_workflow({"l": listening({"one": A})["l"] | {"timeout": {"after": {"hours": 1}}}})
    outcome = asleep(document, journal, clock)
    assert outcome.waiting is not None
    assert outcome.waiting.until == clock.time + timedelta(hours=1)
    assert asleep(document, journal, later(clock, timedelta(hours=1))).reason == "timeout"


def test_a_long_retry_delay_sleeps_too() -> None:
    clock, journal = VirtualClock(), MemoryJournal()
    bad: Mapping[str, Any] = {"raise": {"error": {"type": "https://x/e", "status": 500}}}
    catch = {
        "retry": {"delay": {"minutes": 10}, "limit": {"attempt": {"count": 1}}},
        "do": [setting("h", '${ "kept" }')],
    }
    document = a_workflow({"t": {"try": [{"r": bad}], "catch": catch}})
    assert asleep(document, journal, clock).status is Status.WAITING
    assert asleep(document, journal, later(clock, timedelta(minutes=10))).output == "kept"


def test_a_sleeping_listen_wakes_to_its_event() -> None:
    clock, journal, log = VirtualClock(), MemoryJournal(), EventLog()
    document = a_workflow(listening({"one": A}))
    outcome = asleep(document, journal, clock, mailbox=log)
    assert outcome.waiting is not None
    assert (outcome.waiting.until, outcome.waiting.filters) == (None, ({"type": "a"},))
    asyncio.run(log.publish(event("a", 4)))
    assert asleep(document, journal, later(clock), mailbox=log).output == [4]
