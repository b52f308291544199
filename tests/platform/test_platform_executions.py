"""Executions: made, claimed, journalled, finished, looked at."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from caseway.model.errors import CasewayError
from caseway.platform import executions, instances
from caseway.platform.compose import Platform
from caseway.platform.executions import Claim, NewExecution
from caseway.platform.journal import JournalWriter, StoreJournal, read
from caseway.platform.views import get_instance
from caseway_runner import Entry, Outcome, Status, TaskRecord, WorkflowError
from chaos.store_builders import (
    ORGANIZATION,
    Open,
    StandingClock,
    a_document,
    a_repo,
    a_use_case,
    a_workflow,
    an_instance,
    deployed,
)

NAME = "invoice-dev"
ERROR = WorkflowError("https://example.org/e", 500, "Broken", "it broke", "/do/0/say")


@pytest.fixture
def ready(platform: Platform) -> Platform:
    """A platform with one instance to run."""
    deployed(platform, a_repo(a_use_case(limits={"timeout": "15m"}), an_instance()))
    return platform


def an_execution(platform: Platform, **changes: Any) -> str:
    return executions.create(platform, NewExecution(ORGANIZATION, NAME, **changes))


def claimed(platform: Platform, execution_id: str, worker: str = "w1") -> Claim:
    held = executions.claim(platform, execution_id, worker=worker)
    assert held is not None
    return held


def a_task(reference: str, **changes: Any) -> TaskRecord:
    task = TaskRecord(
        reference,
        reference.rsplit("/", 1)[-1],
        "set",
        Status.COMPLETED,
        "2026-01-01T12:00:00Z",
        "2026-01-01T12:00:01Z",
        position=reference,
    )
    return replace(task, **changes)


def an_outcome(execution_id: str, status: Status = Status.COMPLETED, **changes: Any) -> Outcome:
    return replace(Outcome(execution_id, status, {"total": 3}), **changes)


def finished(platform: Platform, **changes: Any) -> str:
    """An execution that has run to its end."""
    execution_id = an_execution(platform)
    executions.finish(platform, claimed(platform, execution_id), an_outcome(execution_id, **changes))
    return execution_id


def test_an_execution_is_recorded_from_its_start_to_its_end(ready: Platform, clock: StandingClock) -> None:
    execution_id = an_execution(ready, input={"amount": 3}, trigger="http", actor="shop")
    held = claimed(ready, execution_id)
    clock.advance(seconds=2)
    executions.finish(ready, held, an_outcome(execution_id))

    view = executions.get_execution(ready, execution_id)
    assert (view.status, view.result, view.seconds, view.actor) == ("completed", {"total": 3}, 2.0, "shop")
    assert (view.process, view.instance, view.stage, view.workflow) == ("invoice", NAME, "dev", "main")
    assert (view.trigger, view.version, view.input) == ("http", "1.0.0", {"amount": 3})


def test_a_failed_execution_names_the_error_and_the_task(ready: Platform) -> None:
    view = executions.get_execution(ready, finished(ready, status=Status.FAULTED, error=ERROR))

    assert (view.status, view.failed_task) == ("faulted", "/do/0/say")
    assert view.error == ERROR.as_json()


def test_an_execution_keeps_its_definition_when_the_instance_moves_on(ready: Platform) -> None:
    execution_id = an_execution(ready)
    other = a_workflow(definition=a_document("main", do=[{"say": {"set": {"text": "other"}}}]))
    deployed(ready, a_repo(a_use_case(workflows=[other]), an_instance()))

    held = claimed(ready, execution_id)
    assert held.document["do"] == [{"say": {"set": {"text": "hello"}}}]
    assert held.version == "1.0.0"


def test_only_one_worker_gets_an_execution(ready: Platform) -> None:
    execution_id = an_execution(ready)
    claimed(ready, execution_id)

    assert executions.claim(ready, execution_id, worker="w2") is None


def test_claims_carry_what_running_needs(ready: Platform) -> None:
    held = claimed(ready, an_execution(ready, input=[1]))

    assert (held.input, held.limits, held.organization) == ([1], {"timeout": "15m"}, ORGANIZATION)
    assert held.labels == {"instance": NAME, "stage": "dev", "process": "invoice"}


def test_the_oldest_pending_execution_is_claimed_first(ready: Platform, clock: StandingClock) -> None:
    made = []
    for _ in range(3):
        made.append(an_execution(ready))
        clock.advance(seconds=1)
    found = [executions.claim_next(ready, worker="w") for _ in range(4)]

    assert [item and item.execution_id for item in found] == [*made, None]


def test_a_worker_that_lost_its_claim_writes_nothing(ready: Platform, clock: StandingClock) -> None:
    execution_id = an_execution(ready)
    old = claimed(ready, execution_id)
    clock.advance(seconds=31)
    new = claimed(ready, execution_id, "w2")

    for attempt in (
        lambda: executions.finish(ready, old, an_outcome(execution_id)),
        lambda: executions.release(ready, old),
    ):
        with pytest.raises(CasewayError) as caught:
            attempt()
        assert caught.value.code == "claim-lost"
    assert executions.heartbeat(ready, old) == "lost"
    assert executions.heartbeat(ready, new) == "ok"


def test_an_execution_is_finished_once(ready: Platform) -> None:
    execution_id = an_execution(ready)
    held = claimed(ready, execution_id)
    executions.finish(ready, held, an_outcome(execution_id))

    with pytest.raises(CasewayError, match="no longer w1's"):
        executions.finish(ready, held, an_outcome(execution_id, Status.FAULTED))
    assert executions.claim(ready, execution_id, worker="w2") is None


def test_a_lost_worker_is_noticed_and_after_four_of_them_the_execution_is_given_up(
    ready: Platform, clock: StandingClock
) -> None:
    execution_id = an_execution(ready)
    for _ in range(3):
        claimed(ready, execution_id)
        assert executions.sweep(ready) == []
        clock.advance(seconds=31)
        assert executions.sweep(ready) == [execution_id]
    claimed(ready, execution_id)
    clock.advance(seconds=31)

    assert executions.sweep(ready) == []
    view = executions.get_execution(ready, execution_id)
    assert (view.status, view.reason, view.error["title"]) == ("faulted", "lost", "Lost")


def test_what_nobody_runs_is_cancelled_at_once(ready: Platform) -> None:
    execution_id = an_execution(ready)

    assert executions.cancel(ready, execution_id, actor="ann") == "cancelled"
    assert executions.get_execution(ready, execution_id).status == "cancelled"
    assert executions.claim(ready, execution_id, worker="w") is None


def test_a_running_worker_is_asked_to_cancel(ready: Platform) -> None:
    execution_id = an_execution(ready)
    held = claimed(ready, execution_id)

    assert executions.cancel(ready, execution_id, actor="ann") == "running"
    assert executions.heartbeat(ready, held) == "cancel"
    executions.finish(ready, held, an_outcome(execution_id, Status.CANCELLED, reason="cancelled"))
    assert executions.get_execution(ready, execution_id).status == "cancelled"


def test_what_has_ended_cannot_be_cancelled(ready: Platform) -> None:
    with pytest.raises(CasewayError) as caught:
        executions.cancel(ready, finished(ready), actor="ann")
    assert caught.value.code == "illegal-transition"


def test_a_retry_is_a_new_execution_with_the_same_input(ready: Platform) -> None:
    execution_id = an_execution(ready, input={"a": 1})
    executions.finish(ready, claimed(ready, execution_id), an_outcome(execution_id, Status.FAULTED))
    again = executions.get_execution(ready, executions.retry(ready, execution_id, actor="ann"))

    assert again.id != execution_id
    assert (again.retry_of, again.status, again.input) == (execution_id, "pending", {"a": 1})


def test_what_still_runs_is_not_retried(ready: Platform) -> None:
    with pytest.raises(CasewayError) as caught:
        executions.retry(ready, an_execution(ready), actor="ann")
    assert caught.value.code == "illegal-transition"


def test_a_suspended_execution_is_resumed(ready: Platform) -> None:
    execution_id = an_execution(ready)
    executions.release(ready, claimed(ready, execution_id), status="suspended")
    assert executions.claim(ready, execution_id, worker="w") is None

    executions.resume(ready, execution_id, actor="ann")
    assert claimed(ready, execution_id).token > 1


def test_what_is_completed_is_not_resumed(ready: Platform) -> None:
    with pytest.raises(CasewayError) as caught:
        executions.resume(ready, finished(ready), actor="ann")
    assert caught.value.code == "illegal-transition"


def test_an_idempotency_key_makes_one_execution(ready: Platform) -> None:
    first = an_execution(ready, idempotency_key="order-7")

    assert an_execution(ready, idempotency_key="order-7") == first
    assert an_execution(ready, idempotency_key="order-8") != first


@pytest.mark.parametrize("status", ["pending", "running"])
def test_executions_are_filtered(ready: Platform, clock: StandingClock, status: str) -> None:
    before = clock()
    first = an_execution(ready, trigger="http")
    claimed(ready, first)
    clock.advance(minutes=1)
    second = an_execution(ready)
    wanted = {"running": first, "pending": second}[status]

    def ids(**filters: Any) -> list[str]:
        return [item.id for item in executions.list_executions(ready, ORGANIZATION, **filters).items]

    assert ids(status=status) == [wanted]
    assert ids(trigger="http") == [first]
    assert ids(since=before + timedelta(seconds=30)) == [second]
    assert ids(until=before + timedelta(seconds=30)) == [first]
    assert ids(instance=NAME, version="1.0.0", stage="dev", process="invoice") == [second, first]
    assert ids(version="2.0.0") == ids(instance="other") == []
    assert executions.list_executions(ready, "other").items == ()


def test_pages_follow_each_other_without_gap_or_repeat(ready: Platform, clock: StandingClock) -> None:
    made = []
    for number in range(7):
        made.append(an_execution(ready))
        clock.advance(seconds=number % 2)
    seen, cursor = [], ""
    while True:
        page = executions.list_executions(ready, ORGANIZATION, limit=3, cursor=cursor)
        seen += [item.id for item in page.items]
        cursor = page.next_cursor
        if not cursor:
            break
    assert sorted(seen) == sorted(made) and len(seen) == 7


def test_a_cursor_that_is_none_says_so(ready: Platform) -> None:
    with pytest.raises(CasewayError) as caught:
        executions.list_executions(ready, ORGANIZATION, cursor="nonsense")
    assert caught.value.code == "cursor"


def test_tasks_are_shown_as_a_tree(ready: Platform) -> None:
    records = (
        a_task("/do/0/loop"),
        a_task("/do/0/loop/do/0/a", parent="/do/0/loop"),
        a_task("/do/1/end", status=Status.FAULTED, error=ERROR),
        a_task("/do/0/loop/do/1/b", parent="/do/0/loop", output={"x": 1}),
    )
    shown = executions.tasks(ready, finished(ready, tasks=records))

    assert [(item.name, item.depth) for item in shown] == [("loop", 0), ("a", 1), ("b", 1), ("end", 0)]
    assert shown[2].output == {"x": 1}
    assert shown[3].error == ERROR.as_json()


def test_tasks_still_open_when_an_execution_is_cancelled_are_closed(ready: Platform) -> None:
    execution_id = an_execution(ready)
    held = claimed(ready, execution_id)
    open_task = a_task("/do/0/wait", status=Status.WAITING, ended_at="")
    executions.finish(ready, held, an_outcome(execution_id, Status.CANCELLED, tasks=(open_task,)))

    shown = executions.tasks(ready, execution_id)[0]
    assert (shown.status, shown.ended_at != "") == ("cancelled", True)


def test_what_is_appended_is_durable_in_order(ready: Platform, reopen: Open) -> None:
    held = claimed(ready, an_execution(ready))
    entries = [Entry(f"/do/{number}", "completed", "now", {"n": number}) for number in range(5)]

    async def append() -> None:
        with JournalWriter(ready.database) as writer:
            journal = StoreJournal(writer, held)
            await journal.append(entries[:2])
            journal.record_task(held, a_task("/do/0/say", status=Status.RUNNING))
            journal.record_task(held, a_task("/do/0/say"))
            await journal.append(entries[2:])
            assert list(await journal.recorded()) == entries

    asyncio.run(append())
    other = reopen()
    assert list(read(other.database, held.execution_id)) == entries
    assert [item.status for item in executions.tasks(other, held.execution_id)] == ["completed"]


def test_appends_of_many_executions_share_commits_and_keep_apart(ready: Platform) -> None:
    held = [claimed(ready, an_execution(ready)) for _ in range(5)]

    async def append_all() -> None:
        with JournalWriter(ready.database) as writer:

            async def one(claim: Claim) -> None:
                journal = StoreJournal(writer, claim)
                for number in range(4):
                    await journal.append([Entry(claim.execution_id, "completed", "now", number)])

            await asyncio.gather(*map(one, held))

    asyncio.run(append_all())
    for claim in held:
        entries = read(ready.database, claim.execution_id)
        assert [(item.position, item.data) for item in entries] == [
            (claim.execution_id, number) for number in range(4)
        ]


def test_the_journal_goes_on_when_somebody_who_waited_for_it_is_cancelled(ready: Platform) -> None:
    held = claimed(ready, an_execution(ready))

    async def give_up() -> None:
        with JournalWriter(ready.database) as writer:
            journal = StoreJournal(writer, held)
            given_up = [
                asyncio.ensure_future(journal.append([Entry("/a", "started", "now")])) for _ in range(9)
            ]
            await asyncio.sleep(0)
            for task in given_up:
                task.cancel()
            await asyncio.gather(*given_up, return_exceptions=True)
            await asyncio.wait_for(journal.append([Entry("/b", "started", "now")]), 20)

    asyncio.run(give_up())
    assert [item.position for item in read(ready.database, held.execution_id)] == ["/a"] * 9 + ["/b"]


def test_a_journal_whose_claim_is_lost_takes_nothing_more(ready: Platform, clock: StandingClock) -> None:
    execution_id = an_execution(ready)
    old = claimed(ready, execution_id)
    clock.advance(seconds=31)
    new = claimed(ready, execution_id, "w2")

    async def append() -> None:
        with JournalWriter(ready.database) as writer:
            lost = StoreJournal(writer, old).append([Entry("/do/0", "completed", "now")])
            kept = StoreJournal(writer, new).append([Entry("/do/1", "completed", "now")])
            results = await asyncio.gather(lost, kept, return_exceptions=True)
        assert isinstance(results[0], CasewayError) and results[0].code == "claim-lost"
        assert results[1] is None

    asyncio.run(append())
    assert [item.position for item in read(ready.database, execution_id)] == ["/do/1"]


@pytest.mark.parametrize(
    "data", ["\x00", "\ud800", 1.5, [None, {"ü": "\u2028"}], 10**30, None, float("1e300")]
)
def test_a_journal_gives_back_exactly_what_it_was_given(ready: Platform, data: Any) -> None:
    held = claimed(ready, an_execution(ready))

    async def append() -> None:
        with JournalWriter(ready.database) as writer:
            await StoreJournal(writer, held).append([Entry("/do/0", "completed", "now", {"d": data})])

    asyncio.run(append())
    assert read(ready.database, held.execution_id)[0].data == {"d": data}


def test_resuming_a_fault_forgets_the_fault_alone(ready: Platform) -> None:
    held = claimed(ready, an_execution(ready))
    entries = [
        Entry("/do/0", "faulted", "now", {"caught": True}),
        Entry("/do/1", "completed", "now"),
        Entry("/do/2", "begun", "now"),
        Entry("/do/2", "faulted", "now"),
    ]

    async def append() -> None:
        with JournalWriter(ready.database) as writer:
            await StoreJournal(writer, held).append(entries)

    asyncio.run(append())
    executions.finish(ready, held, an_outcome(held.execution_id, Status.FAULTED, error=ERROR))
    executions.resume(ready, held.execution_id, actor="ann")

    assert list(read(ready.database, held.execution_id)) == entries[:2]
    view = executions.get_execution(ready, held.execution_id)
    assert (view.status, view.error, view.ended_at) == ("pending", None, "")


def test_a_sub_workflow_is_found_in_the_same_deployment_and_then_in_the_stage(platform: Platform) -> None:
    sub = a_workflow("sub", triggers=[{"id": "sub", "type": "subworkflow"}], definition=a_document("sub"))
    other = a_workflow("far", definition={**a_document("far"), "do": [{"x": {"set": {"y": 1}}}]})
    deployed(
        platform,
        a_repo(
            a_use_case(workflows=[a_workflow(), sub]),
            a_use_case("other", workflows=[other]),
            an_instance(),
            an_instance("other-dev", use_case="other"),
        ),
    )
    find = executions.workflow_source(platform, claimed(platform, an_execution(platform)))

    assert find("tests", "sub", "1.0.0")["document"]["name"] == "sub"
    assert find("tests", "far", "latest")["do"] == [{"x": {"set": {"y": 1}}}]
    with pytest.raises(KeyError):
        find("tests", "sub", "2.0.0")


def test_nothing_runs_where_nothing_is_deployed(ready: Platform) -> None:
    instances.undeploy(ready, ORGANIZATION, NAME, actor="ann")
    with pytest.raises(CasewayError) as caught:
        an_execution(ready)
    assert caught.value.code == "not-deployed"


def test_an_unknown_workflow_names_those_there_are(ready: Platform) -> None:
    with pytest.raises(CasewayError) as caught:
        an_execution(ready, workflow="nightly")
    assert caught.value.code == "workflow" and "main" in caught.value.hint


def test_an_unknown_execution_says_so(ready: Platform) -> None:
    with pytest.raises(CasewayError) as caught:
        executions.get_execution(ready, "nothing")
    assert caught.value.code == "not-found"


def test_running_does_not_make_plans_stale(ready: Platform) -> None:
    before = get_instance(ready, ORGANIZATION, NAME).updated_at
    finished(ready)

    assert get_instance(ready, ORGANIZATION, NAME).updated_at == before


def test_an_instance_runs_no_more_at_once_than_it_allows(platform: Platform, clock: StandingClock) -> None:
    narrow = a_use_case(limits={"concurrency": 1})
    wide = a_use_case("other", limits={"concurrency": 5})
    deployed(platform, a_repo(narrow, wide, an_instance(), an_instance("other-dev", use_case="other")))
    first, second = an_execution(platform), an_execution(platform)
    clock.advance(seconds=1)
    elsewhere = executions.create(platform, NewExecution(ORGANIZATION, "other-dev"))
    held = claimed(platform, first)

    assert executions.claim(platform, second, worker="w") is None
    found = executions.claim_next(platform, worker="w")
    assert found is not None and found.execution_id == elsewhere
    assert executions.claim_next(platform, worker="w") is None

    executions.finish(platform, held, an_outcome(first))
    assert claimed(platform, second).execution_id == second


def test_a_worker_of_this_machine_that_died_is_noticed_at_once(reopen: Open) -> None:
    platform = reopen(holder="ann@here:1")
    deployed(platform, a_repo(a_use_case(), an_instance()))
    execution_id = an_execution(platform)
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    claimed(platform, execution_id, f"ann@here:{child.pid}")

    assert executions.sweep(platform) == [execution_id]
