"""The function `approval`: what it asks, how it waits, what a decision and a deadline give."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running import ERRORS, VirtualClock, a_workflow, journal_of, run, setting

from caseway_runner import (
    ApprovalRequest,
    Decision,
    MemoryJournal,
    NobodyDecides,
    Outcome,
    Status,
    StubAnswer,
    problems,
)

YES, NO = (
    Decision(True, {"n": 1}, "ann", "2026-01-01T00:00:05Z"),
    Decision(False, by="ann", comment="no money"),
)


class Keeper:
    """Keeps requests; decides each after some seconds, or never."""

    def __init__(self, clock: VirtualClock, answer: Decision | None = None, after: float = 5.0) -> None:
        self.clock, self.answer, self.due = clock, answer, clock.now() + timedelta(seconds=after)
        self.asked: dict[str, ApprovalRequest] = {}
        self.kept: dict[str, Decision] = {}
        self.requests = 0

    async def request(self, asked: ApprovalRequest, /) -> None:
        self.requests += 1
        self.asked.setdefault(asked.key, asked)

    async def decision(self, key: str, /) -> Decision | None:
        if key not in self.kept and self.answer is not None and self.clock.now() >= self.due:
            self.kept[key] = self.answer
        return self.kept.get(key)

    async def decided(self, key: str, /) -> None:
        if self.answer is None:
            await asyncio.get_running_loop().create_future()
        await self.clock.sleep(max(0.0, (self.due - self.clock.now()).total_seconds()))

    async def expire(self, key: str, late: Decision, /) -> Decision:
        return self.kept.setdefault(key, late)


def asking(name: str = "approval", **arguments: Any) -> dict[str, Any]:
    return a_workflow({"ask": {"call": name, "with": arguments}})


def decided(answer: Decision | None, after: float = 5.0, **arguments: Any) -> Outcome:
    clock = VirtualClock()
    return run(asking(**arguments), {"n": 2}, clock=clock, approvals=Keeper(clock, answer, after))


def test_a_decision_is_the_function_s_output() -> None:
    assert decided(YES).output == {
        "decision": "approved",
        "data": {"n": 1},
        "by": "ann",
        "at": "2026-01-01T00:00:05Z",
        "comment": "",
        "timedOut": False,
    }


def test_what_is_asked_takes_expressions() -> None:
    clock = VirtualClock()
    keeper = Keeper(clock, YES)
    document = asking(
        title='${ "Pay \\(.n)?" }', message="Please", data="${ . }", approvers=["${ .who }"], timeout="PT1H"
    )
    run(document, {"n": 2, "who": "ann"}, clock=clock, approvals=keeper)
    (asked,) = keeper.asked.values()
    assert (asked.title, asked.message, asked.data) == ("Pay 2?", "Please", {"n": 2, "who": "ann"})
    assert (asked.approvers, asked.reference) == (("ann",), "/do/0/ask")
    assert asked.deadline == VirtualClock().now() + timedelta(hours=1)


def test_a_rejection_is_a_fault_that_says_who_and_why() -> None:
    outcome = decided(NO)
    assert (outcome.status, outcome.reason) == (Status.FAULTED, "rejected")
    assert outcome.error is not None
    assert (outcome.error.status, outcome.error.detail) == (403, "rejected by ann: no money")


def test_a_rejection_may_be_a_result() -> None:
    assert decided(NO, onReject="continue").output["decision"] == "rejected"


LATE: dict[str, tuple[Any, Callable[[Outcome], Any], Any]] = {
    "fault, unless something is said": (
        None,
        lambda o: (o.reason, o.error and o.error.type),
        ("timeout", ERRORS + "timeout"),
    ),
    "approve": ("approve", lambda o: (o.output["decision"], o.output["timedOut"]), ("approved", True)),
    "reject": ("reject", lambda o: o.reason, "rejected"),
    "a decision with data": (
        {"decision": "approve", "data": {"n": "${ .n }"}},
        lambda o: (o.output["decision"], o.output["data"]),
        ("approved", {"n": 2}),
    ),
}


@pytest.mark.parametrize("case", LATE)
def test_the_deadline_decides_as_the_policy_says(case: str) -> None:
    policy, seen, expected = LATE[case]
    more = {} if policy is None else {"onTimeout": policy}
    assert seen(decided(None, timeout={"minutes": 5}, **more)) == expected


def test_of_a_decision_and_the_deadline_the_keeper_says_which_counts() -> None:
    clock = VirtualClock()

    class Quicker(Keeper):
        async def expire(self, key: str, late: Decision, /) -> Decision:
            return YES  # it came while the deadline struck

    document = asking(timeout={"minutes": 5}, onTimeout="reject")
    assert run(document, clock=clock, approvals=Quicker(clock)).output["by"] == "ann"


def test_a_timeout_of_the_task_strikes_before_the_deadline() -> None:
    clock = VirtualClock()
    document = asking(timeout={"minutes": 5}, onTimeout="approve")
    document["do"][0]["ask"]["timeout"] = {"after": {"seconds": 10}}
    outcome = run(document, clock=clock, approvals=Keeper(clock))
    assert outcome.error is not None
    assert outcome.error.type == ERRORS + "timeout"


def test_the_data_of_a_decision_has_to_fit_its_schema() -> None:
    schema = {"type": "object", "required": ["amount"]}
    outcome = decided(YES, schema=schema)
    assert outcome.error is not None
    assert outcome.error.type == ERRORS + "validation"


@given(st.integers(0, 6), st.booleans())
def test_cut_anywhere_and_resumed_it_asks_the_same_question_and_ends_the_same(cut: int, late: bool) -> None:
    document = asking(timeout={"minutes": 5}, onTimeout="approve", data="${ now }")
    document["do"].append(setting("after", {"got": "${ .decision }"}))
    clock, journal = VirtualClock(), MemoryJournal()
    keeper = Keeper(clock, None if late else YES)
    whole = run(document, clock=clock, approvals=keeper, journal=journal)
    asked = dict(keeper.asked)
    kept = journal.entries[:cut]
    was_asked = any(entry.kind == "asked" for entry in kept)
    again = run(document, clock=clock, approvals=keeper, journal=journal_of(kept))
    assert (again.status, again.output) == (whole.status, whole.output)
    assert not was_asked or keeper.asked == asked


def test_it_sleeps_until_the_deadline_and_is_not_asked_twice() -> None:
    clock, journal = VirtualClock(), MemoryJournal()
    keeper = Keeper(clock)
    document = asking(timeout={"hours": 5})
    asleep = run(document, clock=clock, approvals=keeper, journal=journal, can_sleep=True)
    assert asleep.status is Status.WAITING
    assert asleep.waiting is not None
    assert asleep.waiting.until == VirtualClock().now() + timedelta(hours=5)
    keeper.answer = YES
    clock.time += timedelta(hours=1)
    assert run(document, clock=clock, approvals=keeper, journal=journal, can_sleep=True).output["by"] == "ann"
    assert len(keeper.asked) == 1


def test_without_a_keeper_it_says_that_nobody_is_there() -> None:
    outcome = run(asking())
    assert outcome.error is not None
    assert (outcome.error.type, "nobody" in outcome.error.detail) == (ERRORS + "configuration", True)


def test_a_keeper_may_say_that_nobody_will_decide() -> None:
    class Absent(Keeper):
        async def request(self, asked: ApprovalRequest, /) -> None:
            raise NobodyDecides("give --decide")

    outcome = run(asking(), approvals=Absent(VirtualClock()))
    assert outcome.error is not None
    assert outcome.error.detail == "give --decide"


def test_a_test_stubs_the_decision() -> None:
    assert run(asking(), stub=lambda _: StubAnswer({"decision": "approved", "data": 5})).output["data"] == 5
    assert run(asking(), stub=lambda _: StubAnswer("rejected")).reason == "rejected"
    assert run(asking(), stub=lambda _: StubAnswer({"yes": True})).status is Status.FAULTED


@pytest.mark.parametrize("name", ["approval", "approval:1.0.0", "approval:1.0.0@default"])
def test_it_is_in_the_default_catalog(name: str) -> None:
    assert problems(asking(name)) == ()


def test_a_function_of_the_project_with_its_name_takes_its_place() -> None:
    document = asking() | {"use": {"functions": {"approval": {"set": {"own": True}}}}}
    assert run(document).output == {"own": True}


MALFORMED = {
    "unknown key": ({"approver": ["a"]}, "/approver"),
    "approvers": ({"approvers": "ann"}, "/approvers"),
    "timeout": ({"timeout": "soon"}, "/timeout"),
    "policy": ({"onTimeout": "shrug"}, "/onTimeout"),
    "policy without a decision": ({"onTimeout": {"data": 1}}, "/onTimeout"),
    "rejection": ({"onReject": "cry"}, "/onReject"),
    "schema": ({"schema": {"type": "nope"}}, "/schema"),
    "title": ({"title": 5}, "/title"),
    "announce": ({"announce": "yes"}, "/announce"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_question_is_found_before_it_runs(case: str) -> None:
    arguments, place = MALFORMED[case]
    assert f"/do/0/ask/with{place}" in [problem.pointer for problem in problems(asking(**arguments))]
