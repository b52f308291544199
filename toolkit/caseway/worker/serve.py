"""A worker process: fires, wakes and runs until a signal, then lets go in good order.

Rule: after the signal nothing new starts; what does not end in time is pending again, for the next worker."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import caseway_runner as runner
from caseway.platform import executions
from caseway.worker.fire import fire_due
from caseway.worker.run import Worker, run_claimed

EVERY = 1.0  # seconds between two looks when there is nothing to do


async def serve(
    worker: Worker,
    *,
    concurrency: int = 10,
    grace: float = 20.0,
    once: bool = False,
    stop: asyncio.Event | None = None,
) -> int:
    """Run until `stop` is set (SIGTERM and SIGINT set it), or with `once` until nothing is due; how many
    executions ran."""
    ending = stop or asyncio.Event()
    ended = 0
    running: set[asyncio.Task[runner.Outcome]] = set()
    with _signals(ending):
        while not ending.is_set():
            await fire_due(worker)
            while len(running) < concurrency and not ending.is_set():
                held = await asyncio.to_thread(
                    executions.claim_next,
                    worker.platform,
                    worker=worker.platform.holder,
                    seconds=worker.claim_seconds,
                )
                if held is None:
                    break
                running.add(asyncio.create_task(run_claimed(worker, held)))
            if once and not running:
                break
            done = await _until_something(running, ending)
            running -= done
            ended += len(done)
        return ended + await _let_go(worker, running, grace)


async def _until_something(
    running: set[asyncio.Task[runner.Outcome]], ending: asyncio.Event
) -> set[asyncio.Task[runner.Outcome]]:
    """Wait until an execution ends, the end comes, or it is time to look again; those that ended."""
    told = asyncio.ensure_future(ending.wait())
    await asyncio.wait({*running, told}, timeout=EVERY, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    await asyncio.gather(told, return_exceptions=True)
    done = {task for task in running if task.done()}
    await asyncio.gather(*done, return_exceptions=True)
    return done


async def _let_go(worker: Worker, running: set[asyncio.Task[runner.Outcome]], grace: float) -> int:
    """Let what runs end within `grace` seconds and hand over the rest; how many ended."""
    if not running:
        return 0
    done, late = await asyncio.wait(running, timeout=grace)
    worker.is_ending = True
    for task in late:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    return len(done)


@contextmanager
def _signals(ending: asyncio.Event) -> Iterator[None]:
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
