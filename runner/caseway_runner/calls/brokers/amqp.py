"""AMQP 0-9-1, as RabbitMQ speaks it: queues, and exchanges with a routing key.

Rule: a message counts as sent when the broker has confirmed it, and as taken when the next one is
asked for: what a crash interrupts comes again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from caseway_runner.calls.brokers.link import CONNECT_SECONDS, Link, Parcel
from caseway_runner.calls.extras import needed

_PERSISTENT = 2


def _part(link: Link, name: str) -> Mapping[str, Any]:
    found = link.channel.bindings.get(name)
    return found if isinstance(found, Mapping) else {}


def _exchange(link: Link) -> str:
    """The exchange that is meant; "" when the address is a queue's name."""
    is_queue = link.channel.bindings.get("is") == "queue"
    return "" if is_queue else str(_part(link, "exchange").get("name", ""))


def _host(link: Link) -> str:
    """The virtual host: of the server's path, else of the bindings."""
    named = _part(link, "exchange").get("vhost") or _part(link, "queue").get("vhost") or "/"
    return link.channel.server.path[1:] or str(named)


@asynccontextmanager
async def connected(link: Link) -> AsyncIterator[tuple[Any, Any]]:
    """A connection and a channel on it."""
    library = needed("aio_pika", "asyncapi")
    name, password = link.login()
    tls = link.tls()
    # The protocol has no password without a name.
    known = {"login": name or "token", "password": password} if password is not None else {}
    connection = None
    try:
        connection = await library.connect(
            host=link.host,
            port=link.port,
            virtualhost=_host(link),
            ssl=tls is not None,
            ssl_context=tls,
            timeout=CONNECT_SECONDS,
            **known,
        )
        yield connection, await connection.channel(on_return_raises=True)
    except (library.exceptions.AMQPError, OSError) as error:
        raise link.lost(error) from error
    finally:
        if connection is not None:
            await connection.close()


async def publish(link: Link, parcel: Parcel) -> None:
    """Publish to the queue, or to the exchange with the address as the routing key."""
    library, bindings = needed("aio_pika", "asyncapi"), link.channel.bindings
    headers: dict[str, Any] = dict(parcel.headers)
    for name in ("cc", "bcc"):
        if isinstance(bindings.get(name), list):
            headers[name.upper()] = [str(one) for one in bindings[name]]
    expiration = bindings.get("expiration")
    message = library.Message(
        parcel.content,
        headers=headers,
        content_type=parcel.content_type,
        message_id=link.key,
        delivery_mode=_number(bindings.get("deliveryMode"), _PERSISTENT),
        priority=_number(bindings.get("priority"), None),
        expiration=expiration / 1000 if isinstance(expiration, int) else None,
    )
    async with connected(link) as (_, channel):
        named = _exchange(link)
        exchange = await channel.get_exchange(named) if named else channel.default_exchange
        # What no queue takes is lost; of an exchange that is usual, of a queue it is a mistake.
        is_needed = bool(bindings.get("mandatory", not named))
        try:
            await exchange.publish(
                message, link.channel.address, mandatory=is_needed, timeout=CONNECT_SECONDS
            )
        except library.exceptions.PublishError as error:
            raise link.lost("no queue takes the message") from error


@asynccontextmanager
async def subscribe(link: Link) -> AsyncIterator[AsyncIterator[Parcel]]:
    """Messages of the queue, or of an exchange under routing keys that may have wildcards."""
    async with connected(link) as (connection, channel):
        queue = await queue_of(link, connection, channel)
        came: asyncio.Queue[Any] = asyncio.Queue()
        connection.close_callbacks.add(lambda *_: came.put_nowait(None))
        await queue.channel.set_qos(prefetch_count=1)  # what is not wanted any more goes to others
        await queue.consume(came.put)
        taken: list[Any] = []
        yield _messages(link, came, taken)
        for message in taken:
            await message.ack()


async def queue_of(link: Link, connection: Any, channel: Any) -> Any:
    """The queue to take from. One of an exchange is the subscription's own, unless the bindings name it."""
    library, bound, named = needed("aio_pika", "asyncapi"), _part(link, "queue"), _exchange(link)
    address = link.channel.address
    if named and not bound.get("name"):
        queue = await channel.declare_queue(exclusive=True, auto_delete=True)
        await queue.bind(named, address)
        return queue
    name = str(bound.get("name") or address)
    try:
        queue = await channel.declare_queue(name, passive=True)
    except library.exceptions.ChannelNotFoundEntity:
        channel = await connection.channel()  # the broker has closed the other
        queue = await channel.declare_queue(
            name,
            durable=bool(bound.get("durable", True)),
            exclusive=bool(bound.get("exclusive", False)),
            auto_delete=bool(bound.get("autoDelete", False)),
        )
    if named:
        await queue.bind(named, address)
    return queue


async def _messages(link: Link, came: asyncio.Queue[Any], taken: list[Any]) -> AsyncIterator[Parcel]:
    while (message := await came.get()) is not None:
        taken.append(message)
        headers = {str(name): text_of(value) for name, value in (message.headers or {}).items()}
        yield Parcel(bytes(message.body), headers, message.content_type or "")
        await taken.pop().ack()
    raise link.lost("the connection was closed")


def text_of(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _number(value: Any, default: int | None) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
