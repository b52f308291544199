"""Redis Pub/Sub."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from caseway_runner.calls.brokers.link import CONNECT_SECONDS, Link, Parcel
from caseway_runner.calls.extras import needed


@asynccontextmanager
async def connected(link: Link) -> AsyncIterator[Any]:
    """A client; what Redis refuses, and a connection that is lost, is a fault."""
    name, password = link.login()
    number = link.channel.server.path.strip("/")
    client = needed("redis.asyncio", "asyncapi").Redis(
        host=link.host,
        port=link.port,
        db=int(number) if number.isdecimal() else 0,
        username=name,
        password=password,
        ssl=link.channel.server.is_secure,
        socket_timeout=None,
        socket_connect_timeout=CONNECT_SECONDS,
        retry=None,  # trying again is the workflow's decision
    )
    try:
        yield client
    except (needed("redis", "asyncapi").RedisError, OSError) as error:
        raise link.lost(error) from error
    finally:
        await client.aclose()


async def publish(link: Link, parcel: Parcel) -> None:
    """Publish on the channel; Redis does not keep it for those who come later."""
    link.without_headers(parcel.headers)
    async with connected(link) as client:
        await client.publish(link.channel.address, parcel.content)


@asynccontextmanager
async def subscribe(link: Link) -> AsyncIterator[AsyncIterator[Parcel]]:
    """Messages of the channel."""
    async with connected(link) as client, client.pubsub() as listener:
        await listener.subscribe(link.channel.address)
        yield _messages(listener)


async def _messages(listener: Any) -> AsyncIterator[Parcel]:
    async for message in listener.listen():
        if message["type"] == "message":
            yield Parcel(message["data"])
