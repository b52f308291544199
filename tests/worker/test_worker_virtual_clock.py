"""A clock that leaps."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from caseway.worker.virtual_clock import VirtualClock

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_sleep_moves_time_and_nothing_else_does():
    async def scene() -> tuple[datetime, datetime]:
        clock = VirtualClock(START)
        before = clock.now()
        await clock.sleep(3600)
        return before, clock.now()

    assert asyncio.run(scene()) == (START, START + timedelta(hours=1))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=6))
def test_sleepers_wake_in_order_at_their_own_moment(naps):
    woken: list[tuple[int, float]] = []

    async def sleeper(clock: VirtualClock, seconds: int) -> None:
        await clock.sleep(seconds)
        woken.append((seconds, (clock.now() - START).total_seconds()))

    async def scene() -> None:
        clock = VirtualClock(START)
        await asyncio.gather(*(sleeper(clock, seconds) for seconds in naps))

    asyncio.run(scene())
    assert woken == [(seconds, float(seconds)) for seconds in sorted(naps)]


def test_a_cancelled_sleeper_does_not_hold_time_back():
    async def scene() -> datetime:
        clock = VirtualClock(START)
        first = asyncio.create_task(clock.sleep(10))
        await asyncio.sleep(0)
        first.cancel()
        await clock.sleep(60)
        return clock.now()

    assert asyncio.run(scene()) == START + timedelta(seconds=60)
