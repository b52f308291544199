"""MQTT 3.1.1 and 5. Quality of service and retention come from the document's bindings, at least once by
default. Only version 5 has headers, as user properties."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from caseway_runner.calls.brokers.link import CONNECT_SECONDS, Link, Parcel
from caseway_runner.calls.extras import needed


def is_newer(link: Link) -> bool:
    """Whether the server speaks version 5."""
    return link.channel.server.protocol == "mqtt5"


@asynccontextmanager
async def connected(link: Link, **session: Any) -> AsyncIterator[Any]:
    """A client; `session` are further settings of the library's. What the server refuses, and a connection
    that is lost, is a fault. Messages of a client with an `identifier` are acknowledged by hand."""
    library = needed("aiomqtt", "asyncapi")
    name, password = link.login()
    client = library.Client(
        link.host,
        link.port,
        # The protocol has no password without a name.
        username=name or ("token" if password else None),
        password=password,
        protocol=library.ProtocolVersion.V5 if is_newer(link) else library.ProtocolVersion.V311,
        timeout=CONNECT_SECONDS,
        tls_context=link.tls(),
        **session,
    )
    if "identifier" in session:
        client._client.manual_ack_set(True)
    try:
        async with client:
            yield client
    except (library.MqttError, OSError) as error:
        raise link.lost(error) from error


def _quality(link: Link) -> int:
    quality = link.channel.bindings.get("qos", 1)
    return quality if quality in (0, 1, 2) else 1


async def publish(link: Link, parcel: Parcel) -> None:
    """Publish to the topic."""
    properties = None
    if is_newer(link):
        kinds = needed("paho.mqtt.packettypes", "asyncapi").PacketTypes
        properties = needed("paho.mqtt.properties", "asyncapi").Properties(kinds.PUBLISH)
        properties.ContentType = parcel.content_type
        if parcel.headers:
            properties.UserProperty = list(parcel.headers.items())
    else:
        link.without_headers(parcel.headers)
    async with connected(link) as client:
        await client.publish(
            link.channel.address,
            parcel.content,
            qos=_quality(link),
            retain=bool(link.channel.bindings.get("retain", False)),
            properties=properties,
        )


@asynccontextmanager
async def subscribe(link: Link) -> AsyncIterator[AsyncIterator[Parcel]]:
    """Messages of the topic, which may have wildcards."""
    async with connected(link) as client:
        await client.subscribe(link.channel.address, qos=_quality(link))
        yield _messages(client)


async def _messages(client: Any) -> AsyncIterator[Parcel]:
    async for message in client.messages:
        headers = dict(getattr(message.properties, "UserProperty", ()))
        yield Parcel(bytes(message.payload or b""), headers, getattr(message.properties, "ContentType", ""))
