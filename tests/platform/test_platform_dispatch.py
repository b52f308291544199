"""Executions made, claimed and ended through one writer: the same laws as one by one, in fewer commits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform import executions, instances
from caseway.platform.commits import Commits, Pace
from caseway.platform.compose import Platform
from caseway.platform.creation import NewExecution
from caseway.platform.dispatch import Dispatcher
from caseway.platform.journal import StoreJournal, read
from caseway.platform.tables import executions as table
from caseway_runner import Entry, Outcome, Status
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
_T = TypeVar("_T")


@pytest.fixture
def ready(platform: Platform) -> Platform:
    """A platform with one instance to run."""
    deployed(platform, a_repo(a_use_case(limits={"concurrency": 100}), an_instance()))
    return platform


def through(platform: Platform, act: Callable[[Dispatcher], Coroutine[Any, Any, _T]]) -> _T:
    """What `act` gives, with a writer of its own."""

    async def run() -> _T:
        with Commits(platform.database) as writer:
            return await act(Dispatcher(platform, writer))

    return asyncio.run(run())


def new(**changes: Any) -> NewExecution:
    return NewExecution(ORGANIZATION, NAME, **changes)


def count(platform: Platform) -> int:
    with platform.database.reading() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


def test_what_is_begun_is_running_and_held_by_this_process(ready: Platform) -> None:
    begun = through(ready, lambda dispatcher: dispatcher.begin(new(input={"a": 1})))

    view = executions.get_execution(ready, begun.id)
    assert (view.status, view.worker, view.dispatches, view.input) == ("running", ready.holder, 1, {"a": 1})
    assert begun.claim is not None and begun.claim.document["do"] == [{"say": {"set": {"text": "hello"}}}]
    assert executions.claim(ready, begun.id, worker="other") is None


def test_it_ends_with_the_last_of_its_journal(ready: Platform) -> None:
    last = [Entry("/do/0/say", "completed", "now", {"output": 1})]

    async def act(dispatcher: Dispatcher) -> str:
        begun = await dispatcher.begin(new())
        assert begun.claim is not None
        journal = StoreJournal(dispatcher._writer, begun.claim)
        await journal.append([Entry("", "started", "now")])
        await journal.end(last)
        outcome = Outcome(begun.id, Status.COMPLETED, {"total": 3})
        await dispatcher.finish(begun.claim, outcome, journal.close())
        return begun.id

    execution_id = through(ready, act)
    assert executions.get_execution(ready, execution_id).result == {"total": 3}
    assert [entry.kind for entry in read(ready.database, execution_id)] == ["started", "completed"]


def test_an_idempotency_key_makes_one_execution_however_many_ask_at_once(ready: Platform) -> None:
    async def act(dispatcher: Dispatcher) -> list[Any]:
        asked = [dispatcher.begin(new(idempotency_key="k")) for _ in range(20)]
        return await asyncio.gather(*asked)

    begun = through(ready, act)
    assert len({one.id for one in begun}) == 1
    assert [one.is_new for one in begun].count(True) == 1
    assert [one.claim is not None for one in begun].count(True) == 1
    assert count(ready) == 1


def test_a_key_that_was_used_before_gives_the_execution_of_then(ready: Platform) -> None:
    first = executions.create(ready, new(idempotency_key="k"))
    begun = through(ready, lambda dispatcher: dispatcher.begin(new(idempotency_key="k")))

    assert (begun.id, begun.is_new, begun.claim) == (first, False, None)


def test_no_more_are_begun_than_the_instance_allows(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(limits={"concurrency": 3}), an_instance()))

    async def act(dispatcher: Dispatcher) -> list[Any]:
        first = await asyncio.gather(*[dispatcher.begin(new()) for _ in range(5)])
        return [*first, await dispatcher.begin(new())]

    begun = through(platform, act)
    assert [one.claim is not None for one in begun].count(True) == 3
    assert count(platform) == 6


def test_a_new_version_is_what_the_next_execution_is_bound_to(ready: Platform) -> None:
    other = a_workflow(definition=a_document("main", do=[{"say": {"set": {"text": "other"}}}]))

    async def act(dispatcher: Dispatcher) -> tuple[Any, Any]:
        before = await dispatcher.begin(new())
        repo = a_repo(a_use_case(workflows=[other], limits={"concurrency": 100}), an_instance())
        await asyncio.to_thread(deployed, ready, repo)
        return before, await dispatcher.begin(new())

    before, after = through(ready, act)
    assert before.claim.document["do"] != after.claim.document["do"]
    assert before.claim.version != after.claim.version


def test_an_instance_that_was_paused_meanwhile_starts_nothing(ready: Platform) -> None:
    async def act(dispatcher: Dispatcher) -> None:
        await dispatcher.begin(new())
        await asyncio.to_thread(instances.pause, ready, ORGANIZATION, NAME, actor="ann")
        await dispatcher.begin(new())

    with pytest.raises(CasewayError) as caught:
        through(ready, act)
    assert caught.value.code == "not-active"
    assert count(ready) == 1


def test_a_claim_that_was_taken_over_ends_nothing(ready: Platform, clock: StandingClock) -> None:
    async def act(dispatcher: Dispatcher) -> str:
        begun = await dispatcher.begin(new())
        assert begun.claim is not None
        clock.advance(seconds=31)
        assert await asyncio.to_thread(executions.claim, ready, begun.id, worker="w2") is not None
        with pytest.raises(CasewayError) as caught:
            await dispatcher.finish(begun.claim, Outcome(begun.id, Status.COMPLETED))
        assert caught.value.code == "claim-lost"
        return begun.id

    assert executions.get_execution(ready, through(ready, act)).status == "running"


def test_two_that_claim_the_same_at_once_get_one_claim(ready: Platform) -> None:
    execution_id = executions.create(ready, new())

    async def act(dispatcher: Dispatcher) -> list[Any]:
        return await asyncio.gather(*[dispatcher.claim(execution_id) for _ in range(4)])

    assert [held is not None for held in through(ready, act)].count(True) == 1


def test_claiming_what_is_not_there_says_so(ready: Platform) -> None:
    with pytest.raises(CasewayError) as caught:
        through(ready, lambda dispatcher: dispatcher.claim("nothing"))
    assert caught.value.code == "not-found"


def test_what_fails_for_one_does_not_fail_for_those_who_share_its_commit(ready: Platform) -> None:
    def perform(_connection: Any, what: Any) -> list[str]:
        if "bad" in what:
            raise ValueError("bad")
        return [f"did {one}" for one in what]

    async def act() -> list[Any]:
        with Commits(ready.database) as writer:
            asked = [writer.submit(perform, one) for one in ("a", "bad", "b")]
            return await asyncio.gather(*asked, return_exceptions=True)

    first, failed, last = asyncio.run(act())
    assert (first, last) == ("did a", "did b")
    assert isinstance(failed, ValueError)


def test_nothing_is_answered_before_its_commit(reopen: Open) -> None:
    seen: list[str] = []
    platform = reopen(on_boundary=seen.append)
    deployed(platform, a_repo(a_use_case(), an_instance()))
    seen.clear()

    through(platform, lambda dispatcher: dispatcher.create(new()))
    assert seen[-2:] == ["before-commit", "after-commit"]


def test_a_commit_that_fails_leaves_nothing_and_tells_who_waited(reopen: Open) -> None:
    failing = Failing()
    platform = reopen(on_boundary=failing)
    deployed(platform, a_repo(a_use_case(), an_instance()))
    failing.is_on = True

    with pytest.raises(OSError, match="the disk is full"):
        through(platform, lambda dispatcher: dispatcher.create(new()))
    failing.is_on = False
    assert count(platform) == 0


@dataclass
class Failing:
    """Fails before commits, while it is on."""

    is_on: bool = False

    def __call__(self, boundary: str) -> None:
        if self.is_on and boundary == "before-commit":
            raise OSError("the disk is full")


def test_while_somebody_else_writes_the_event_loop_goes_on(ready: Platform, reopen: Open) -> None:
    other = reopen()

    async def act(dispatcher: Dispatcher) -> bool:
        with other.database.writing() as connection:
            connection.execute(sa.update(table).values(reason=table.c.reason))
            begun = asyncio.ensure_future(dispatcher.create(new()))
            for _ in range(20):
                await asyncio.sleep(0.001)
        return (await begun).is_new

    assert through(ready, act)


def test_a_slow_disk_is_left_to_the_thread_for_a_while() -> None:
    pace = Pace()
    assert pace.is_quick()
    for _ in range(3):
        pace.took(0.1)
    assert [pace.is_quick() for _ in range(200)].count(False) > 190
    assert pace.is_quick()


def test_what_becomes_pending_is_heard(ready: Platform) -> None:
    heard: list[str] = []
    ready.bell.listen(heard.extend)

    first = executions.create(ready, new())
    second = through(ready, lambda dispatcher: dispatcher.create(new()))
    assert heard == [first, second.id]
    ready.bell.leave(heard.extend)
