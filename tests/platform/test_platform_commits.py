"""One writer for many: who shares a commit, who hears, and what a failure or a cancellation leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from caseway.platform.commits import Commits
from caseway.platform.compose import Platform
from caseway.platform.statements import Raw


class Kept:
    """What was performed, a list for each transaction."""

    def __init__(self) -> None:
        self.groups: list[list[Any]] = []

    def __call__(self, connection: Raw, given: Sequence[Any]) -> list[Any]:
        """Answer each with itself, doubled; `bad` is no number."""
        answers = [one * 2 if one != "bad" else ValueError("bad") for one in given]
        self.groups.append(list(given))
        return answers


def through(platform: Platform, act: Callable[[Commits], Coroutine[Any, Any, Any]]) -> Any:
    """What `act` gives, with a writer of its own."""

    async def run() -> Any:
        with Commits(platform.database) as writer:
            return await act(writer)

    return asyncio.run(run())


def test_what_is_stored_in_one_turn_shares_a_commit(platform):
    kept = Kept()

    async def act(writer: Commits) -> Any:
        return await asyncio.gather(*[writer.store(kept, number) for number in range(5)])

    assert through(platform, act) == [0, 2, 4, 6, 8]
    assert kept.groups == [[0, 1, 2, 3, 4]]


def test_an_answer_that_is_an_error_is_raised_for_its_own_alone(platform):
    async def act(writer: Commits) -> Any:
        kept = Kept()
        return await asyncio.gather(
            *[writer.store(kept, one) for one in (1, "bad", 3)], return_exceptions=True
        )

    first, second, third = through(platform, act)
    assert (first, str(second), third) == (2, "bad", 6)


@pytest.mark.parametrize("cancelled", [0, 1], ids=["who would commit", "who follows"])
def test_what_a_cancelled_task_had_stored_is_stored(platform, cancelled):
    kept = Kept()

    async def act(writer: Commits) -> Any:
        tasks = [asyncio.create_task(writer.store(kept, number)) for number in range(2)]
        await asyncio.sleep(0)
        tasks[cancelled].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = through(platform, act)
    assert isinstance(answers[cancelled], asyncio.CancelledError)
    assert answers[1 - cancelled] == 2 * (1 - cancelled)
    assert sorted(number for group in kept.groups for number in group) == [0, 1]


def test_what_nobody_waits_for_is_stored_when_the_writer_ends(platform):
    kept = Kept()

    async def act(writer: Commits) -> None:
        writer.submit(kept, 1)

    through(platform, act)
    assert kept.groups == [[1]]


def test_what_is_left_when_its_loop_is_closed_is_stored(platform):
    kept = Kept()
    loop = asyncio.new_event_loop()

    def submit(writer: Commits) -> None:
        writer.submit(kept, 1).add_done_callback(lambda done: done.exception())

    async def act(writer: Commits) -> None:
        loop.call_soon(submit, writer)  # the last that the loop does

    with Commits(platform.database) as writer:
        loop.run_until_complete(act(writer))
        loop.close()
    assert kept.groups == [[1]]


def test_a_failing_transaction_is_tried_for_each_alone(platform):
    def perform(connection: Raw, given: Sequence[Any]) -> list[Any]:
        if "bad" in given:
            raise RuntimeError("the database says no")
        return list(given)

    async def act(writer: Commits) -> Any:
        return await asyncio.gather(
            *[writer.store(perform, one) for one in (1, "bad", 3)], return_exceptions=True
        )

    first, second, third = through(platform, act)
    assert (first, str(second), third) == (1, "the database says no", 3)
