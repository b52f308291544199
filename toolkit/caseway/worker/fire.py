"""Turns what is due into executions and keeps running them: the loop of a worker process.

Rule: a firing happens exactly once whatever the number of workers; the database decides who got it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import caseway_runner as runner
from caseway.platform import executions, schedules
from caseway.platform.gathering import gather_due
from caseway.worker.housekeeping import keep_house
from caseway.worker.run import Worker, run_claimed

HOUSE_SECONDS = 60.0  # between two turns of what a platform does for itself


async def fire_due(worker: Worker, *, limit: int = 100) -> list[str]:
    """Create the executions of every schedule that is due or has its events, bring lost executions back, and
    wake those whose time or event has come. Their ids."""
    fired = await asyncio.to_thread(schedules.due, worker.platform, limit=limit)
    gathered = await asyncio.to_thread(gather_due, worker.platform)
    lost = await asyncio.to_thread(executions.sweep, worker.platform)
    woken = await asyncio.to_thread(executions.wake_due, worker.platform)
    return [*fired, *gathered, *lost, *woken]


async def keep(worker: Worker, stopped: asyncio.Event, *, every: float = HOUSE_SECONDS) -> None:
    """Keep the house now and then until `stopped` is set; one process of all does it at a time."""
    while not stopped.is_set():
        await asyncio.to_thread(keep_house, worker.platform, worker.house)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), every)


async def drain(worker: Worker, *, concurrency: int = 10) -> list[runner.Outcome]:
    """Run everything that is pending now, `concurrency` at a time, until nothing is left to claim."""
    outcomes: list[runner.Outcome] = []
    running: set[asyncio.Task[runner.Outcome]] = set()
    while True:
        while len(running) < concurrency:
            held = await asyncio.to_thread(
                executions.claim_next,
                worker.platform,
                worker=worker.platform.holder,
                seconds=worker.claim_seconds,
            )
            if held is None:
                break
            running.add(asyncio.create_task(run_claimed(worker, held)))
        if not running:
            return outcomes
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        outcomes += [task.result() for task in done if task.exception() is None]


async def work(worker: Worker, stop: asyncio.Event, *, every: float = 1.0, concurrency: int = 10) -> None:
    """Fire and drain until `stop` is set, looking again after `every` seconds of having nothing to do."""
    while not stop.is_set():
        await fire_due(worker)
        await drain(worker, concurrency=concurrency)
        try:
            await asyncio.wait_for(stop.wait(), every)
        except TimeoutError:
            continue
