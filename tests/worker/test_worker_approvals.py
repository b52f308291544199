"""Approvals on a platform: asked once, decided once, with a token or by whoever may, before the deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worker_world import carry

import caseway_runner as runner
from caseway.model.errors import CasewayError
from caseway.platform import approvals, executions, inbox
from caseway.platform.compose import Platform, open_platform
from caseway.platform.journal import JournalWriter
from caseway.platform.keyring import keyring
from caseway.targets.registry import TARGETS
from caseway.worker.fire import drain, fire_due
from caseway.worker.run import Worker

KEY = "a passphrase of the tests"


class Clock:
    """A clock that is set by hand, for platform and runner alike."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    async def sleep(self, _seconds: float) -> None:
        await asyncio.get_running_loop().create_future()  # time stands still while something runs


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def platform(tmp_path: Path, clock: Clock) -> Iterator[Platform]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with open_platform(url, targets=TARGETS, clock=clock.now, secret_key=KEY) as opened:
        yield opened


def asking(more: str = "", after: str = "- s: {set: {got: '${ . }'}}") -> dict[str, str]:
    arguments = f"{{title: Pay?, timeout: PT2H, data: {{sum: 5}}{more and ', '}{more}}}"
    return {"main": f"do:\n  - ask: {{call: approval, with: {arguments}}}\n  {after}\n"}


def start(platform: Platform) -> str:
    new = executions.NewExecution(organization="acme", instance="demo", input={})
    return executions.create(platform, new)


def work(platform: Platform, clock: Clock) -> list[runner.Outcome]:
    """What one worker process does: look what is due, run it, end."""

    async def once() -> list[runner.Outcome]:
        with JournalWriter(platform.database) as writer:
            worker = Worker(platform, writer, clock=clock)
            await fire_due(worker)
            return await drain(worker)

    return asyncio.run(once())


def asked(platform: Platform, project, clock: Clock, more: str = "") -> str:
    """An execution that waits for a decision."""
    carry(platform, project(asking(more)))
    execution_id = start(platform)
    work(platform, clock)
    assert executions.get_execution(platform, execution_id).status == "waiting"
    return execution_id


def decide(platform: Platform, execution_id: str, *, yes: bool = True, actor: str = "ann", **more):
    verdict = approvals.Verdict(yes, **more)
    return approvals.decide(platform, "acme", execution_id, verdict, actor=actor)


def refused(platform: Platform, execution_id: str, **more) -> str:
    with pytest.raises(CasewayError) as error:
        decide(platform, execution_id, **more)
    return error.value.code


def token(platform: Platform) -> str:
    (one,) = approvals.list_approvals(platform, "acme")
    return approvals.token_of(platform, one.id)


def test_an_execution_sleeps_until_somebody_decides(platform, project, clock):
    execution_id = asked(platform, project, clock)
    (one,) = approvals.list_approvals(platform, "acme")
    assert (one.execution, one.title, one.data, one.task) == (execution_id, "Pay?", {"sum": 5}, "/do/0/ask")
    assert one.deadline == "2026-01-01T02:00:00.000000Z"
    view = decide(platform, execution_id, data={"n": 1}, comment="fine")
    assert (view.status, view.decided_by) == ("approved", "ann")
    (outcome,) = work(platform, clock)
    given = outcome.output["got"]
    assert (given["decision"], given["data"], given["by"], given["comment"]) == (
        "approved",
        {"n": 1},
        "ann",
        "fine",
    )
    assert approvals.list_approvals(platform, "acme") == []
    assert [one.status for one in approvals.list_approvals(platform, "acme", status="")] == ["approved"]


def test_a_rejection_ends_the_execution(platform, project, clock):
    execution_id = asked(platform, project, clock)
    decide(platform, execution_id, yes=False)
    work(platform, clock)
    view = executions.get_execution(platform, execution_id)
    assert (view.status, view.reason) == ("faulted", "rejected")


def test_a_token_entitles_whom_the_list_of_approvers_does_not(platform, project, clock):
    execution_id = asked(platform, project, clock, "approvers: [ann]")
    assert refused(platform, execution_id, actor="bob") == "not-an-approver"
    assert decide(platform, execution_id, actor="bob", token=token(platform)).decided_by == "bob"


def test_a_token_is_used_once(platform, project, clock):
    execution_id = asked(platform, project, clock)
    once = token(platform)
    decide(platform, execution_id, token=once)
    assert refused(platform, execution_id, token=once, yes=False) == "approval-decided"
    assert refused(platform, execution_id) == "approval-decided"


def test_after_the_deadline_nothing_is_decided_any_more(platform, project, clock):
    execution_id = asked(platform, project, clock, "onTimeout: approve")
    clock.time += timedelta(hours=2)
    assert refused(platform, execution_id) == "approval-expired"
    assert refused(platform, execution_id, token=approvals.token_of(platform, _only(platform))) == (
        "approval-expired"
    )
    (outcome,) = work(platform, clock)
    assert (outcome.output["got"]["decision"], outcome.output["got"]["timedOut"]) == ("approved", True)
    assert approvals.list_approvals(platform, "acme", status="")[0].status == "expired"


def _only(platform: Platform) -> str:
    (one,) = approvals.list_approvals(platform, "acme", status="")
    return one.id


def test_a_decision_just_before_the_deadline_counts_though_it_is_seen_later(platform, project, clock):
    execution_id = asked(platform, project, clock, "onTimeout: reject")
    clock.time += timedelta(minutes=119)
    decide(platform, execution_id)
    clock.time += timedelta(hours=9)
    (outcome,) = work(platform, clock)
    assert outcome.output["got"]["decision"] == "approved"


def test_data_has_to_fit_the_schema(platform, project, clock):
    execution_id = asked(platform, project, clock, "schema: {type: object, required: [sum]}")
    assert refused(platform, execution_id, data={}) == "approval-data"
    assert decide(platform, execution_id, data={"sum": 3}).status == "approved"


def test_of_several_questions_the_task_says_which(platform, project, clock):
    both = (
        "do:\n  - f:\n      fork:\n        branches:\n"
        "          - one: {call: approval, with: {title: One}}\n"
        "          - two: {call: approval, with: {title: Two}}\n"
    )
    carry(platform, project({"main": both}))
    execution_id = start(platform)
    work(platform, clock)
    assert refused(platform, execution_id) == "which-approval"
    assert decide(platform, execution_id, task="/do/0/f/fork/branches/1/two").title == "Two"
    assert decide(platform, execution_id).title == "One"
    (outcome,) = work(platform, clock)
    assert [item["decision"] for item in outcome.output] == ["approved", "approved"]


def test_another_organization_learns_nothing(platform, project, clock):
    execution_id = asked(platform, project, clock)
    with pytest.raises(CasewayError) as error:
        approvals.decide(platform, "other", execution_id, approvals.Verdict(True), actor="eve")
    assert error.value.code == "not-found"
    assert approvals.list_approvals(platform, "other") == []


def test_what_was_cancelled_asks_nothing_any_more(platform, project, clock):
    execution_id = asked(platform, project, clock)
    executions.cancel(platform, execution_id, actor="ann")
    assert refused(platform, execution_id) == "approval-ended"


def test_a_decision_while_the_execution_is_suspended_is_there_when_it_resumes(platform, project, clock):
    execution_id = asked(platform, project, clock)
    executions.suspend(platform, execution_id, actor="ann")
    decide(platform, execution_id)
    assert work(platform, clock) == []
    executions.resume(platform, execution_id, actor="ann")
    assert [outcome.output["got"]["decision"] for outcome in work(platform, clock)] == ["approved"]


def test_a_decision_that_came_while_the_execution_fell_asleep_wakes_it(platform, project, clock):
    execution_id = asked(platform, project, clock)
    with (
        platform.database.writing() as connection
    ):  # as `decide`, by a process that died before it could wake
        connection.exec_driver_sql(
            "UPDATE approvals SET decision = 'approved', decided_at = '2026-01-01T00:00:01.000000Z'"
        )
    assert [outcome.id for outcome in work(platform, clock)] == [execution_id]


def test_the_question_is_announced_with_its_token_when_that_is_wanted(platform, project, clock):
    execution_id = asked(platform, project, clock, "announce: true")
    ((_, event),) = inbox.events_for(platform, execution_id, 0)
    assert event["type"] == "dev.caseway.approval.requested"
    assert event["data"]["title"] == "Pay?"
    assert decide(platform, execution_id, actor="whoever", token=event["data"]["token"]).status == "approved"


def test_no_token_is_stored(platform, project, clock, tmp_path):
    asked(platform, project, clock)
    signature = token(platform).partition(".")[2]
    content = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    assert signature.encode() not in content


def test_a_rotated_key_still_knows_its_tokens(platform, project, clock, tmp_path):
    execution_id = asked(platform, project, clock)
    old = token(platform)
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with open_platform(url, targets=TARGETS, clock=clock.now, secret_key=f"new,{KEY}") as rotated:
        assert token(rotated) != old
        assert decide(rotated, execution_id, token=old).status == "approved"


RING = keyring(KEY)


@given(st.text(), st.text(max_size=60))
def test_only_what_was_signed_is_signed(text: str, signature: str) -> None:
    made = RING.sign("other")
    assert RING.is_signed("other", made)
    assert not RING.is_signed(text, signature)
    assert text == "other" or not RING.is_signed(text, made)


FORGED = {
    "another approval": lambda good: "cwa_nobody." + good.partition(".")[2],
    "another signature": lambda good: good[:-2] + ("AA" if not good.endswith("AA") else "BB"),
    "no signature": lambda good: good.partition(".")[0],
    "no prefix": lambda good: good.removeprefix("cwa_"),
    "nothing like it": lambda _: "ä.ö",
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_token_entitles_to_nothing(case, platform, project, clock):
    execution_id = asked(platform, project, clock)
    assert refused(platform, execution_id, token=FORGED[case](token(platform))) == "approval-token"
