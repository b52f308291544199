"""Queues of AMQP 0-9-1, as RabbitMQ has them.

Rule: nothing is acknowledged before it is done; what a lost connection leaves goes back to its queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from caseway_runner.calls.brokers.amqp import connected, queue_of, text_of
from caseway_runner.calls.brokers.link import Link
from caseway_runner.queues.queue import Queue, QueueMessage, Source
from caseway_runner.queues.waiting import some_of


@asynccontextmanager
async def consume(link: Link, queue: Queue) -> AsyncIterator[Source]:
    """The queue, declared as a durable one when it is not there."""
    async with connected(link) as (connection, channel):
        declared = await queue_of(link, connection, channel)
        came: asyncio.Queue[Any] = asyncio.Queue()
        connection.close_callbacks.add(lambda *_: came.put_nowait(None))
        await declared.channel.set_qos(prefetch_count=queue.prefetch)
        await declared.consume(came.put)
        yield _Source(link, came)


@dataclass(frozen=True, slots=True)
class _Source:
    link: Link
    came: asyncio.Queue[Any]

    async def take(self, most: int, seconds: float) -> Sequence[QueueMessage]:
        found = await some_of(self.came, most, seconds)
        if None in found:
            raise self.link.lost("the connection was closed")
        return [_message(each) for each in found]

    async def done(self, message: QueueMessage) -> None:
        await message.handle.ack()


def _message(found: Any) -> QueueMessage:
    headers = {str(name): text_of(value) for name, value in (found.headers or {}).items()}
    return QueueMessage(bytes(found.body), headers, str(found.message_id or ""), found)
