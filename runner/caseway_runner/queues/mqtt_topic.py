"""Topics of MQTT, in a session that the broker keeps while nobody is connected.

Rule: quality of service is at least once, and nothing is acknowledged before it is done. MQTT gives messages
no id that stays, so that whoever takes them must know them by what they say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from caseway_runner.calls.brokers.link import Link
from caseway_runner.calls.brokers.mqtt import connected, is_newer
from caseway_runner.calls.extras import needed
from caseway_runner.queues.queue import Queue, QueueMessage, Source
from caseway_runner.queues.waiting import some_of

_FOR_EVER = 0xFFFFFFFF


@asynccontextmanager
async def consume(link: Link, queue: Queue) -> AsyncIterator[Source]:
    """The topic, which may have wildcards."""
    async with connected(link, identifier=queue.group, **_session(link, queue)) as client:
        came: asyncio.Queue[Any] = asyncio.Queue()
        pump = asyncio.create_task(_pump(client, came))
        try:
            await client.subscribe(queue.address, qos=1)
            yield _Source(client, came)
        finally:
            pump.cancel()
            with suppress(asyncio.CancelledError):
                await pump


def _session(link: Link, queue: Queue) -> dict[str, Any]:
    if not is_newer(link):
        return {"clean_session": False}
    kinds = needed("paho.mqtt.packettypes", "asyncapi").PacketTypes
    properties = needed("paho.mqtt.properties", "asyncapi").Properties(kinds.CONNECT)
    properties.SessionExpiryInterval = _FOR_EVER
    properties.ReceiveMaximum = queue.prefetch
    return {"clean_start": False, "properties": properties}


async def _pump(client: Any, came: asyncio.Queue[Any]) -> None:
    """What has come, and at the end why no more comes."""
    try:
        async for message in client.messages:
            came.put_nowait(message)
    except needed("aiomqtt", "asyncapi").MqttError as error:
        came.put_nowait(error)


@dataclass(frozen=True, slots=True)
class _Source:
    client: Any
    came: asyncio.Queue[Any]

    async def take(self, most: int, seconds: float) -> Sequence[QueueMessage]:
        found = await some_of(self.came, most, seconds)
        for each in found:
            if isinstance(each, Exception):
                raise each
        return [_message(each) for each in found]

    async def done(self, message: QueueMessage) -> None:
        taken = message.handle
        self.client._client.ack(taken.mid, taken.qos)


def _message(found: Any) -> QueueMessage:
    headers = dict(getattr(found.properties, "UserProperty", ()))
    return QueueMessage(bytes(found.payload or b""), headers, "", found)
