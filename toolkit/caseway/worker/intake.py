"""Keeps looking at the sources of queue and poll triggers, beside the executions of a worker.

Rule: a source is looked at by the one process that holds its lease; it lets go of it when it stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from caseway.model.errors import CasewayError
from caseway.platform import lease
from caseway.platform.intake import messages, watched
from caseway.platform.intake.watched import Watched
from caseway.worker.consuming import Consumer
from caseway.worker.polling import poll
from caseway.worker.run import Worker

LOG = logging.getLogger("caseway.worker")
EVERY = 1.0
RENEWED = watched.SECONDS / 4
MOST_POLLS = 20  # at once in one process


@dataclass(slots=True)
class _Look:
    """What this process looks at now. `consumer` is None for a poll."""

    source: Watched
    held: lease.Lease
    task: asyncio.Task[None]
    consumer: Consumer | None = None


@dataclass(slots=True)
class Intake:
    """The sources that this process looks at."""

    worker: Worker
    is_once: bool = False
    started: int = 0
    _looks: dict[tuple[str, str, str], _Look] = field(default_factory=dict)
    _renewed_at: float = 0.0

    async def look(self) -> None:
        """Begin with what is due, end with what is no more, keep the leases of the rest."""
        queues = await asyncio.to_thread(watched.queues, self.worker.platform)
        wanted = {source.key: source for source in queues}
        for key, look in self._looks.items():
            now = wanted.get(key)
            if look.consumer is not None and (now is None or now.definition != look.source.definition):
                look.consumer.stop.set()
        polls = await asyncio.to_thread(watched.due_polls, self.worker.platform)
        for source in (*queues, *polls[:MOST_POLLS]):
            if source.key not in self._looks:
                await self._begin(source)
        await self._renew()

    async def run(self, stopped: asyncio.Event) -> None:
        """Look again and again until `stopped` is set."""
        try:
            while not stopped.is_set():
                await self.look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopped.wait(), EVERY)
        finally:
            await self.end()

    async def end(self) -> None:
        """Finish what is in hand, and give the leases back."""
        for look in self._looks.values():
            if look.consumer is not None:
                look.consumer.stop.set()
        await self.settled()

    async def settled(self) -> None:
        """Return when nothing is looked at any more."""
        while self._looks:
            await asyncio.wait([look.task for look in self._looks.values()])
            await asyncio.sleep(0)

    async def _begin(self, source: Watched) -> None:
        held = await asyncio.to_thread(watched.take_lease, self.worker.platform, source)
        if held is None:
            return
        if source.definition["type"] == "queue":
            consumer = Consumer(self.worker, source, held, is_once=self.is_once)
            task = asyncio.create_task(self._kept(source, held, self._consumed(consumer)))
            self._looks[source.key] = _Look(source, held, task, consumer)
        else:
            task = asyncio.create_task(self._kept(source, held, self._polled(source, held)))
            self._looks[source.key] = _Look(source, held, task)

    async def _consumed(self, consumer: Consumer) -> None:
        await consumer.run()
        self.started += consumer.started

    async def _polled(self, source: Watched, held: lease.Lease) -> None:
        try:
            self.started += len(await poll(self.worker, source, held))
        except CasewayError as error:
            if error.code not in messages.STOPPING:
                raise
            LOG.info("%s of %s: %s", source.trigger_id, source.instance, error.message)

    async def _kept(self, source: Watched, held: lease.Lease, work: Coroutine[Any, Any, None]) -> None:
        """One look to its end. What fails us is tried again by whoever gets the lease next."""
        try:
            await work
        except Exception:
            LOG.exception("%s of %s was left", source.trigger_id, source.instance)
            await asyncio.sleep(EVERY)
        finally:
            with suppress(CasewayError):
                await asyncio.to_thread(lease.release, self.worker.platform, held)
            self._looks.pop(source.key, None)

    async def _renew(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._renewed_at < RENEWED:
            return
        self._renewed_at = now
        for look in list(self._looks.values()):
            is_kept = await asyncio.to_thread(watched.renew, self.worker.platform, look.held)
            if not is_kept and look.consumer is not None:
                look.consumer.stop.set()


async def take_in_once(worker: Worker) -> int:
    """Take what the queues have now, and make the polls that are due; how many executions that started."""
    intake = Intake(worker, is_once=True)
    await intake.look()
    await intake.settled()
    return intake.started
