"""HTTP for a runner that has no network: whoever holds the other end of the pipe sends its requests.

Rule: the other end decides which hosts may be reached; an answer comes whole, within the policy's bounds."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Self

from caseway_runner.errors import Fault, LimitExceeded, error_from_json
from caseway_runner.stdio_link import Link, Refused

if TYPE_CHECKING:
    import httpx

FAULT = "fault"


class PipedTransport:
    """What httpx calls a transport. It is none by inheritance: httpx is loaded with the first request."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer. Raises the fault that the other end has met."""
        import httpx  # noqa: PLC0415 - whoever sends a request has loaded it

        asked: dict[str, Any] = {
            "method": request.method,
            "url": str(request.url),
            "headers": dict(request.headers),
            "body": base64.b64encode(await request.aread()).decode("ascii"),
        }
        try:
            answer = await self._link.ask("http", **asked)
        except Refused as refused:
            if refused.code == FAULT:
                raise Fault(error_from_json(refused.facts)) from None
            raise LimitExceeded(str(refused)) from None
        return httpx.Response(
            int(answer["status"]),
            headers=[(str(name), str(value)) for name, value in answer["headers"]],
            stream=httpx.ByteStream(base64.b64decode(answer["body"])),
        )

    async def aclose(self) -> None:
        """Nothing to close: the pipe serves the next execution."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        return None
