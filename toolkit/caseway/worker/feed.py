"""Where a worker finds what is pending: in the store, or through a queue with the store behind it.

Rule: a feed never decides who runs an execution; the claim does.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from caseway.model.errors import CasewayError
from caseway.platform import executions
from caseway.platform.queue_saq import QueueLost, SaqQueue
from caseway.worker.pool import Pool

LOG = logging.getLogger("caseway.worker")
EVERY = 1.0  # seconds between two looks when nobody says that there is something to do
REFUSALS = (
    3  # after so many, an instance is taken to run as much as it may: the rest is left for the next look
)
RESEND = timedelta(seconds=2)  # how long something may be pending while the queue is empty
RESEND_BUSY = timedelta(seconds=60)  # and while it is not: then it is most likely still in it
AT_ONCE = 500  # ids that one look sends again


async def take_pending(pool: Pool) -> int:
    """Claim the oldest pending executions while there is room; how many."""
    at, last = datetime(1970, 1, 1, tzinfo=UTC), ""
    refused: Counter[str] = Counter()
    taken = 0
    while pool.room > 0:
        found = await asyncio.to_thread(executions.pending, pool.worker.platform, at, last)
        if not found:
            break
        for item in found:
            at, last = item.created_at, item.id
            if pool.room <= 0 or refused[item.instance_id] >= REFUSALS:
                continue
            if await _had(pool, item.id):
                taken += 1
            else:
                refused[item.instance_id] += 1
    if pool.room <= 0 or refused:
        pool.want()
    return taken


async def _had(pool: Pool, execution_id: str) -> bool:
    try:
        return await pool.take(execution_id)
    except CasewayError as error:
        if error.code != "not-found":  # what was purged meanwhile is nobody's loss
            raise
        return False


@dataclass(slots=True)
class QueueFeed:
    """Takes what the queue delivers, and sends again what it forgot."""

    queue: SaqQueue
    pool: Pool
    resend: timedelta = RESEND
    is_lost: bool = field(default=False)

    async def take(self) -> None:
        """Wait a while for an id, and run its execution; without the queue, look into the store."""
        if self.pool.room <= 0:
            self.pool.want()
            await self.pool.change(EVERY)
            return
        try:
            execution_id = await self.queue.next(EVERY)
            self.is_lost = False
        except QueueLost as error:
            await self._do_without(error)
            return
        if execution_id is None:
            return
        await _had(self.pool, execution_id)

    async def look_again(self) -> None:
        """Send what has been pending for long: the queue has forgotten it, or its instance had no room."""
        platform = self.pool.worker.platform
        now = platform.clock()
        try:
            wait = self.resend if await self.queue.is_empty() else max(self.resend, RESEND_BUSY)
            found = await asyncio.to_thread(executions.pending_since, platform, now - wait, AT_ONCE)
            turn = str(int(now.timestamp() / wait.total_seconds()))
            await self.queue.send(found, again=turn)
        except QueueLost as error:
            LOG.debug("nothing is sent again: %s", error)

    async def _do_without(self, error: QueueLost) -> None:
        if not self.is_lost:
            LOG.warning("the queue does not answer, the store is looked at instead: %s", error)
        self.is_lost = True
        await take_pending(self.pool)
        await self.pool.change(EVERY)
