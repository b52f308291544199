"""WebSockets: a message is a frame; headers are those of the handshake."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from caseway_runner.calls.brokers.link import CONNECT_SECONDS, Link, Parcel
from caseway_runner.calls.extras import needed
from caseway_runner.errors import fault


@asynccontextmanager
async def _connected(link: Link, headers: dict[str, str]) -> AsyncIterator[Any]:
    library = needed("websockets", "asyncapi")
    server = link.channel.server
    if link.credentials is not None:
        if link.credentials.scheme == "Digest":
            raise fault("configuration", "ws has no digest authentication")
        headers = {**headers, "Authorization": f"{link.credentials.scheme} {link.credentials.parameter}"}
    path = f"{server.path.rstrip('/')}/{link.channel.address.lstrip('/')}"
    host = f"[{link.host}]" if ":" in link.host else link.host
    try:
        async with library.connect(
            f"{'wss' if server.is_secure else 'ws'}://{host}:{link.port}{path}",
            additional_headers=headers,
            max_size=link.limit,
            open_timeout=CONNECT_SECONDS,
            proxy=None,
        ) as socket:
            yield socket
    except (library.WebSocketException, OSError, TimeoutError) as error:
        raise link.lost(error) from error


async def publish(link: Link, parcel: Parcel) -> None:
    """Send one frame, text unless the content is binary."""
    is_text = "json" in parcel.content_type or parcel.content_type.startswith("text/")
    async with _connected(link, dict(parcel.headers)) as socket:
        await socket.send(parcel.content.decode() if is_text else parcel.content)


@asynccontextmanager
async def subscribe(link: Link) -> AsyncIterator[AsyncIterator[Parcel]]:
    """Frames until the server closes."""
    async with _connected(link, {}) as socket:
        yield _messages(socket)


async def _messages(socket: Any) -> AsyncIterator[Parcel]:
    async for frame in socket:
        yield Parcel(frame.encode() if isinstance(frame, str) else bytes(frame))
