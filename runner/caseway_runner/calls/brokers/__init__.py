"""The protocols that `call: asyncapi` speaks: a module each, listed here.

Each has `publish(link, parcel)`, which returns when the broker has the message, and `subscribe(link)`, a
context that gives messages from the moment it is entered. Their libraries are imported when they are used."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from caseway_runner.calls.brokers import amqp, http, mqtt, nats, redis, ws
from caseway_runner.calls.brokers.link import Link, Parcel


class Broker(Protocol):
    """What a protocol's module offers."""

    async def publish(self, link: Link, parcel: Parcel, /) -> None: ...

    def subscribe(self, link: Link, /) -> AbstractAsyncContextManager[AsyncIterator[Parcel]]: ...


BROKERS: Mapping[str, Broker] = {
    "amqp": amqp,
    "http": http,
    "mqtt": mqtt,
    "mqtt5": mqtt,
    "nats": nats,
    "redis": redis,
    "ws": ws,
}
