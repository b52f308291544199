"""A worker process: fires, wakes and runs until a signal, then lets go in good order.

Rule: after the signal nothing new starts; what does not end in time is pending again, for the next worker."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress

from caseway.platform.queue_saq import SaqQueue
from caseway.worker.feed import EVERY, QueueFeed, take_pending
from caseway.worker.fire import fire_due, keep
from caseway.worker.intake import Intake, take_in_once
from caseway.worker.pool import Pool
from caseway.worker.run import Worker


async def serve(
    worker: Worker,
    *,
    concurrency: int = 10,
    grace: float = 20.0,
    once: bool = False,
    stop: asyncio.Event | None = None,
) -> int:
    """Run until `stop` is set, or with `once` until nothing is due; how many executions ran. Without a `stop`
    of the caller's, SIGTERM and SIGINT end it."""
    return await serve_pool(Pool(worker, concurrency), grace=grace, once=once, stop=stop)


async def serve_pool(
    pool: Pool,
    *,
    grace: float = 20.0,
    once: bool = False,
    stop: asyncio.Event | None = None,
    queue: SaqQueue | None = None,
) -> int:
    """As `serve`, for a pool that others may give work to as well. With a `queue`, ids of pending executions
    come from there."""
    ending = stop or asyncio.Event()
    with ended_by_signals(ending) if stop is None else nullcontext(), _listening(pool):
        if once:
            await _run_what_is_due(pool, ending)
        else:
            await _until(ending, pool, queue)
        await pool.let_go(grace)
    return pool.ended


async def _run_what_is_due(pool: Pool, ending: asyncio.Event) -> None:
    while not ending.is_set():
        await fire_due(pool.worker)
        await take_pending(pool)
        if not pool.is_idle:
            await pool.change(EVERY)
        elif not await take_in_once(pool.worker):
            return


async def _until(ending: asyncio.Event, pool: Pool, queue: SaqQueue | None) -> None:
    """Look after time and sources, take what is pending, keep the house, side by side; an error of one ends
    all."""
    feed = None if queue is None else QueueFeed(queue, pool)
    stopped = asyncio.Event()
    parts = [
        asyncio.create_task(_tick(stopped, pool, feed)),
        asyncio.create_task(_feed(stopped, pool, feed)),
        asyncio.create_task(keep(pool.worker, stopped)),
        asyncio.create_task(Intake(pool.worker).run(stopped)),
    ]
    told = asyncio.create_task(ending.wait())
    await asyncio.wait({*parts, told}, return_when=asyncio.FIRST_COMPLETED)
    stopped.set()  # not cancelled: what is being claimed shall be run, or given back
    pool.wake()
    told.cancel()
    await asyncio.gather(*parts)


async def _tick(stopped: asyncio.Event, pool: Pool, feed: QueueFeed | None) -> None:
    """Turn what is due into pending executions, again and again."""
    while not stopped.is_set():
        pool.worker.platform.bell.ring(await fire_due(pool.worker))
        if feed is not None:
            await feed.look_again()
        with suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), EVERY)


async def _feed(stopped: asyncio.Event, pool: Pool, feed: QueueFeed | None) -> None:
    while not stopped.is_set():
        if feed is not None:
            await feed.take()
            continue
        await take_pending(pool)
        if not stopped.is_set():
            await pool.change(EVERY)


@contextmanager
def _listening(pool: Pool) -> Iterator[None]:
    """Hear at once of what becomes pending in this process, from whatever thread."""
    loop = asyncio.get_running_loop()

    def hear(_ids: Sequence[str]) -> None:
        with suppress(RuntimeError):  # the loop has been closed: nobody takes anything any more
            loop.call_soon_threadsafe(pool.wake)

    pool.worker.platform.bell.listen(hear)
    try:
        yield
    finally:
        pool.worker.platform.bell.leave(hear)


@contextmanager
def ended_by_signals(ending: asyncio.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set `ending` meanwhile."""
    loop = asyncio.get_running_loop()
    handled = []
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, ending.set)
        except (ValueError, RuntimeError, NotImplementedError):  # not the main thread: somebody else decides
            continue
        handled.append(number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
