"""NATS subjects. A published message carries the idempotency key as `Nats-Msg-Id`, by which streams drop
repetitions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from caseway_runner.calls.brokers.link import CONNECT_SECONDS, Link, Parcel
from caseway_runner.calls.extras import needed


async def _silent(_error: Exception) -> None:
    """Errors come back where they happen."""


@asynccontextmanager
async def _connected(link: Link) -> AsyncIterator[Any]:
    library = needed("nats", "asyncapi")
    name, password = link.login()
    secret = {"user": name, "password": password} if name else {"token": password} if password else {}
    client = None
    try:
        client = await library.connect(
            f"nats://{link.host}:{link.port}",
            allow_reconnect=False,
            connect_timeout=CONNECT_SECONDS,
            error_cb=_silent,
            tls=link.tls(),
            **secret,
        )
        yield client
    except (needed("nats.errors", "asyncapi").Error, OSError) as error:
        raise link.lost(error) from error
    finally:
        if client is not None:
            await client.close()


async def publish(link: Link, parcel: Parcel) -> None:
    """Publish to the subject."""
    async with _connected(link) as client:
        headers = {"Nats-Msg-Id": link.key, **parcel.headers}
        await client.publish(link.channel.address, parcel.content, headers=headers)
        await client.flush(CONNECT_SECONDS)


@asynccontextmanager
async def subscribe(link: Link) -> AsyncIterator[AsyncIterator[Parcel]]:
    """Messages of the subject, which may have wildcards; those of a queue group when the document says so."""
    async with _connected(link) as client:
        queue = str(link.channel.bindings.get("queue", ""))
        subscription = await client.subscribe(link.channel.address, queue=queue)
        await client.flush(CONNECT_SECONDS)
        yield _messages(link, subscription)


async def _messages(link: Link, subscription: Any) -> AsyncIterator[Parcel]:
    async for message in subscription.messages:
        yield Parcel(bytes(message.data), dict(message.headers or {}))
    raise link.lost("the connection was closed")
