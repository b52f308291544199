"""Subjects that a stream of JetStream keeps, taken through a durable consumer.

Rule: a subject that no stream keeps is refused: its messages would be gone with the first restart."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from caseway_runner.calls.brokers.link import CONNECT_SECONDS, Link
from caseway_runner.calls.brokers.nats import connected
from caseway_runner.calls.extras import needed
from caseway_runner.errors import fault
from caseway_runner.queues.queue import Queue, QueueMessage, Source

_ACK_SECONDS = 30.0  # so long a message may be under way before the server hands it out again
_ID = "Nats-Msg-Id"


@asynccontextmanager
async def consume(link: Link, queue: Queue) -> AsyncIterator[Source]:
    """The subject's messages."""
    api, errors = needed("nats.js.api", "asyncapi"), needed("nats.js.errors", "asyncapi")
    policy = api.DeliverPolicy.NEW if queue.is_from_now else api.DeliverPolicy.ALL
    config = api.ConsumerConfig(
        deliver_policy=policy,
        ack_policy=api.AckPolicy.EXPLICIT,
        ack_wait=_ACK_SECONDS,
        max_ack_pending=queue.prefetch,
    )
    async with connected(link) as client:
        stream = client.jetstream(timeout=CONNECT_SECONDS)
        try:
            taken = await stream.pull_subscribe(queue.address, durable=queue.group, config=config)
        except (errors.NotFoundError, errors.ServiceUnavailableError, errors.NoStreamResponseError) as error:
            raise fault(
                "configuration", f"{link.label}: no stream of JetStream keeps this subject"
            ) from error
        yield _Source(taken, needed("nats.errors", "asyncapi").TimeoutError)


@dataclass(frozen=True, slots=True)
class _Source:
    taken: Any
    late: type[Exception]

    async def take(self, most: int, seconds: float) -> Sequence[QueueMessage]:
        try:
            found = await self.taken.fetch(most, timeout=max(seconds, 0.1))
        except (TimeoutError, self.late):
            return []
        return [_message(each) for each in found]

    async def done(self, message: QueueMessage) -> None:
        await message.handle.ack()


def _message(found: Any) -> QueueMessage:
    headers = dict(found.headers or {})
    told = found.metadata
    return QueueMessage(
        bytes(found.data), headers, headers.get(_ID) or f"{told.stream}:{told.sequence.stream}", found
    )
