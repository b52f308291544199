"""NATS subjects. A published message carries the idempotency key as `Nats-Msg-Id`, by which streams drop
repetitions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from caseway_runner.calls.brokers.link import CONNECT_SECONDS, Link, Parcel
from caseway_runner.calls.extras import needed


@asynccontextmanager
async def connected(link: Link) -> AsyncIterator[Any]:
    """A client; what the server refuses, and a connection that is lost, is a fault."""
    name, password = link.login()
    secret = {"user": name, "password": password} if name else {"token": password} if password else {}
    client = needed("nats.aio.client", "asyncapi").Client()
    said: list[Exception] = []

    async def note(error: Exception) -> None:
        said.append(error)

    try:
        await client.connect(
            f"nats://{link.host}:{link.port}",
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=CONNECT_SECONDS,
            error_cb=note,
            tls=link.tls(),
            **secret,
        )
        yield client
    except (needed("nats.errors", "asyncapi").Error, OSError) as error:
        raise link.lost(said[0] if said else error) from error
    finally:
        with suppress(AttributeError):  # before 2.16 it cannot close what never opened
            await client.close()


async def publish(link: Link, parcel: Parcel) -> None:
    """Publish to the subject."""
    async with connected(link) as client:
        headers = {"Nats-Msg-Id": link.key, **parcel.headers}
        await client.publish(link.channel.address, parcel.content, headers=headers)
        await client.flush(CONNECT_SECONDS)


@asynccontextmanager
async def subscribe(link: Link) -> AsyncIterator[AsyncIterator[Parcel]]:
    """Messages of the subject, which may have wildcards; those of a queue group when the document says so."""
    async with connected(link) as client:
        queue = str(link.channel.bindings.get("queue", ""))
        subscription = await client.subscribe(link.channel.address, queue=queue)
        await client.flush(CONNECT_SECONDS)
        yield _messages(link, subscription)


async def _messages(link: Link, subscription: Any) -> AsyncIterator[Parcel]:
    async for message in subscription.messages:
        yield Parcel(bytes(message.data), dict(message.headers or {}))
    raise link.lost("the connection was closed")
