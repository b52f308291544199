"""Containers that wait: as many as the mode says, no longer than it says, each used by one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from containers_world import a_document, a_job, a_place, a_shell, left

import caseway_runner as runner
from caseway.containers.container import Called, RunnerContainer
from caseway.containers.engine import Engine
from caseway.containers.executor import ContainerExecutor, OnDocker, Surroundings
from caseway.containers.sandbox import Sandbox
from caseway.containers.warmth import Mode, Warmth, Window

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def warm(engine):
    """Run a scene with an executor whose clock is set by hand; nothing is left after it."""

    def run(scene: Callable[[ContainerExecutor, Clock], Awaitable[Any]]) -> Any:
        async def go() -> Any:
            clock = Clock()
            async with ContainerExecutor(engine, Surroundings(clock=clock)) as executor:
                return await scene(executor, clock)

        found = asyncio.run(go())
        assert left(engine) == []
        return found

    return run


async def look(executor: ContainerExecutor, place, seconds: float = 0) -> str:
    """The name of the container in which an execution ran."""
    document = a_document(a_shell(f"hostname; sleep {seconds}"))
    outcome = await executor.execute(a_job(document, place), runner.Ports())
    assert outcome.error is None, outcome.error
    return str(outcome.output)


def test_always_on_keeps_the_least_ready_however_long_nobody_comes(warm, runtime_image):
    place = a_place(runtime_image, warmth=Warmth(Mode.ALWAYS_ON, least=2, most=3, idle_seconds=60))

    async def scene(executor: ContainerExecutor, clock: Clock) -> list[int]:
        counts = []
        for hours in (0, 5):
            clock.time = NOON + timedelta(hours=hours)
            assert await executor.tend([place]) == []
            await executor.settle()
            counts.append(executor.pool.waiting(place))
        return counts

    assert warm(scene) == [2, 2]


def test_idle_shutdown_starts_with_none_and_lets_go_when_nobody_comes(warm, runtime_image):
    place = a_place(runtime_image, warmth=Warmth(Mode.IDLE_SHUTDOWN, most=1, idle_seconds=60))

    async def scene(executor: ContainerExecutor, clock: Clock) -> list[int]:
        await executor.tend([place])
        counts = [executor.pool.waiting(place)]
        for seconds in (0, 59, 60):
            if seconds == 0:
                await look(executor, place)
                await executor.settle()
            clock.time = NOON + timedelta(seconds=seconds)
            await executor.tend([place])
            await executor.settle()
            counts.append(executor.pool.waiting(place))
        return counts

    assert warm(scene) == [0, 1, 1, 0]


def test_no_more_wait_than_may(warm, runtime_image):
    place = a_place(runtime_image, warmth=Warmth(Mode.IDLE_SHUTDOWN, most=1))

    async def scene(executor: ContainerExecutor, clock: Clock) -> tuple[int, int]:
        names = await asyncio.gather(*(look(executor, place, 1) for _ in range(2)))
        await executor.settle()
        return len(set(names)), executor.pool.waiting(place)

    assert warm(scene) == (2, 1)


class Held:
    """Opens containers on the engine: one that shall wait for work only when it is let."""

    def __init__(self, engine: Engine) -> None:
        self._behind = OnDocker(engine)
        self.asked, self.may = asyncio.Event(), asyncio.Event()

    async def __call__(self, sandbox: Sandbox, called: Called, grace: float, /) -> RunnerContainer:
        if "dev.caseway.execution" not in called.labels:
            self.asked.set()
            await self.may.wait()
        return await self._behind(sandbox, called, grace)


def test_one_that_is_ready_after_an_execution_has_given_back_another_is_one_too_many(engine, runtime_image):
    place = a_place(runtime_image, warmth=Warmth(Mode.ALWAYS_ON))

    async def scene() -> int:
        held = Held(engine)
        async with ContainerExecutor(held) as executor:
            tending = asyncio.create_task(executor.tend([place]))
            await held.asked.wait()
            await look(executor, place)
            await executor.settle()
            held.may.set()
            assert await tending == []
            await executor.settle()
            assert len(left(engine)) == executor.pool.waiting(place)
            return executor.pool.waiting(place)

    assert asyncio.run(scene()) == 1
    assert left(engine) == []


def test_a_window_of_the_day_opens_and_closes(warm, runtime_image):
    window = Window(time(13), time(14))
    place = a_place(runtime_image, warmth=Warmth(Mode.SCHEDULED, idle_seconds=60, window=window))

    async def scene(executor: ContainerExecutor, clock: Clock) -> list[int]:
        counts = []
        for minutes in (0, 60, 90, 121):
            clock.time = NOON + timedelta(minutes=minutes)
            await executor.tend([place])
            await executor.settle()
            counts.append(executor.pool.waiting(place))
        return counts

    assert warm(scene) == [0, 1, 1, 0]


def test_on_demand_nothing_waits_and_every_execution_has_its_own(warm, runtime_image):
    place = a_place(runtime_image)

    async def scene(executor: ContainerExecutor, clock: Clock) -> tuple[int, int]:
        names = []
        for _ in range(2):
            names.append(await look(executor, place))
            await executor.settle()
        return len(set(names)), executor.pool.waiting(place)

    assert warm(scene) == (2, 0)


def test_a_container_that_waits_is_the_one_that_is_used(warm, runtime_image):
    place = a_place(runtime_image, warmth=Warmth(Mode.ALWAYS_ON))

    async def scene(executor: ContainerExecutor, clock: Clock) -> list[str]:
        await executor.tend([place])
        names = []
        for _ in range(2):
            names.append(await look(executor, place))
            await executor.settle()
        return names

    first, second = warm(scene)
    assert first == second
