"""HTTP: a message is the body of a POST; a subscription is a GET whose answer is a stream of server-sent
events, lines of JSON, or one JSON value (of which an array is many messages)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from caseway_runner.calls.brokers.link import Link, Parcel
from caseway_runner.calls.http import check_status
from caseway_runner.errors import LimitExceeded
from caseway_runner.http_client import Request, Response

_ACCEPT = "text/event-stream, application/x-ndjson, application/json;q=0.9, */*;q=0.5"
_LINES = frozenset({"application/x-ndjson", "application/jsonl", "application/json-seq"})


def _url(link: Link) -> str:
    server = link.channel.server
    host = f"[{link.host}]" if ":" in link.host else link.host
    path = f"{server.path.rstrip('/')}/{link.channel.address.lstrip('/')}"
    return f"{'https' if server.is_secure else 'http'}://{host}:{link.port}{path}"


async def publish(link: Link, parcel: Parcel) -> None:
    """Send the message with the method that the document's binding names."""
    headers = {
        "content-type": parcel.content_type,
        "idempotency-key": link.key,
        **{name.lower(): value for name, value in parcel.headers.items()},
    }
    method = str(link.channel.bindings.get("method", "POST")).upper()
    request = Request(method, _url(link), headers, (), parcel.content)
    check_status(await link.http.send(request, link.credentials), request, False)


@asynccontextmanager
async def subscribe(link: Link) -> AsyncIterator[AsyncIterator[Parcel]]:
    """Messages until the server ends its answer."""
    request = Request("GET", _url(link), {"accept": _ACCEPT})
    async with link.http.streaming(request, link.credentials) as answer:
        seen = Response(answer.status_code, answer.reason_phrase, dict(answer.headers), b"", request.url, {})
        check_status(seen, request, False)
        kind = seen.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind == "text/event-stream":
            yield _events(answer.aiter_lines())
        elif kind in _LINES:
            yield _lines(answer.aiter_lines())
        else:
            yield _whole(answer.aiter_bytes(), link.limit, kind)


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[Parcel]:
    data: list[str] = []
    headers: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.partition(":")
        if not line and data:
            yield Parcel("\n".join(data).encode(), headers)
            data, headers = [], {}
        elif name == "data":
            data.append(value.removeprefix(" "))
        elif name in ("event", "id"):
            headers[name] = value.removeprefix(" ")


async def _lines(lines: AsyncIterator[str]) -> AsyncIterator[Parcel]:
    async for line in lines:
        if text := line.strip("\x1e \t"):
            yield Parcel(text.encode())


async def _whole(chunks: AsyncIterator[bytes], limit: int, kind: str) -> AsyncIterator[Parcel]:
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > limit:
            raise LimitExceeded(f"an HTTP response is larger than {limit} bytes")
    for one in _items(bytes(content)):
        yield Parcel(one, {}, kind)


def _items(content: bytes) -> list[bytes]:
    try:
        value: Any = json.loads(content)
    except ValueError:
        return [content] if content else []
    return [json.dumps(one).encode() for one in value] if isinstance(value, list) else [content]
