"""Ids of pending executions through Redis, by the queue engine SAQ.

Rule: an entry is a hint with a short life: it is done as soon as its id was handed to a worker. Losing it, or
delivering it twice, changes nothing but time.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Self

from caseway.model.errors import CasewayError

LOG = logging.getLogger("caseway.queue")
NAME = "caseway"
CLOSING_SECONDS = 3.0  # what a short-lived command waits for the last ids to be sent


class QueueLost(Exception):
    """The queue does not answer now."""


class Sender:
    """Sends ids from any thread, in a thread of its own; use as a context manager.

    It never raises: what could not be sent is sent again by a worker that looks."""

    def __init__(self, url: str) -> None:
        self._queue = SaqQueue(url)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="queue", daemon=True)
        self._sending: set[Future[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        deadline = time.monotonic() + CLOSING_SECONDS
        for sending in tuple(self._sending):
            _wait(sending, deadline - time.monotonic())
        _wait(asyncio.run_coroutine_threadsafe(self._queue.close(), self._loop), CLOSING_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def send(self, execution_ids: Sequence[str]) -> None:
        """Send them soon."""
        sending = asyncio.run_coroutine_threadsafe(self._send(tuple(execution_ids)), self._loop)
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    async def _send(self, execution_ids: Sequence[str]) -> None:
        try:
            await self._queue.send(execution_ids)
        except QueueLost as error:
            LOG.warning("%d executions wait for the next look: %s", len(execution_ids), error)


class SaqQueue:
    """The queue, within one event loop."""

    def __init__(self, url: str) -> None:
        self._errors, self._queue = _opened(url)

    async def send(self, execution_ids: Sequence[str], *, again: str = "") -> None:
        """Send ids. With `again`, an id is sent once for each value of it however many senders there are.
        Raises `QueueLost`."""
        for execution_id in execution_ids:
            key = f"{execution_id}@{again}" if again else execution_id
            try:
                await self._queue.enqueue(NAME, key=key, execution_id=execution_id, timeout=0, ttl=-1)
            except self._errors as error:
                raise QueueLost(str(error) or type(error).__name__) from error

    async def next(self, seconds: float) -> str | None:
        """The next id, None when none came in time. Raises `QueueLost`."""
        try:
            job = await self._queue.dequeue(timeout=seconds)
            if job is None:
                return None
            await job.finish("complete")
        except self._errors as error:
            raise QueueLost(str(error) or type(error).__name__) from error
        execution_id: str = (job.kwargs or {}).get("execution_id", "")
        return execution_id or None

    async def is_empty(self) -> bool:
        """Whether nothing waits to be delivered. Raises `QueueLost`."""
        try:
            return bool(await self._queue.count("queued") == 0)
        except self._errors as error:
            raise QueueLost(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Let go of the connections, whether there is somebody at the other end or not."""
        with suppress(*self._errors):
            await self._queue.disconnect()


def _opened(url: str) -> tuple[tuple[type[Exception], ...], Any]:
    try:
        from redis.exceptions import RedisError  # noqa: PLC0415 - an extra that most do not need
        from saq import Queue  # noqa: PLC0415 - as above
    except ImportError as error:
        raise CasewayError(
            f"the queue needs {error.name}, which is not installed",
            code="extra-missing",
            hint="pip install 'caseway[queue]'",
        ) from error
    logging.getLogger("saq").setLevel(logging.WARNING)
    return (RedisError, OSError, TimeoutError), Queue.from_url(url, name=NAME)


def _wait(future: Future[Any], seconds: float) -> None:
    try:
        future.result(timeout=max(0.0, seconds))
    except Exception as error:  # noqa: BLE001 - the end of the process: what was not sent is found by a look
        LOG.warning("the queue was left: %s", error or type(error).__name__)
