"""Carries the HTTP requests of an MCP session over the execution's own client, with its policy and limits.

The protocol's package brings an HTTP library of its own; only requests and answers cross between the two."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from caseway_runner.calls.extras import needed
from caseway_runner.credentials import Credentials
from caseway_runner.errors import Fault, LimitExceeded
from caseway_runner.http_client import HttpClient, Request

if TYPE_CHECKING:
    import httpx

# What describes the transfer rather than the content is the other client's business.
_HOP = frozenset({"content-length", "content-encoding", "transfer-encoding", "connection", "host"})


class Bridge(AsyncExitStack):
    """A transport for the other library. `failure` is the first fault or exceeded limit on the way."""

    def __init__(self, http: HttpClient, credentials: Credentials | None, limit: int) -> None:
        super().__init__()
        self._http, self._credentials, self._left = http, credentials, limit
        self._limit = limit
        self.failure: Fault | LimitExceeded | None = None

    def client(self, headers: Mapping[str, str]) -> Any:
        """The other library's client, sending through here."""
        httpx2 = needed("httpx2", "mcp")
        bridge, base = self, httpx2.AsyncBaseTransport

        class Transport(base):  # type: ignore[misc,valid-type]  # of an optional package
            async def handle_async_request(self, request: Any) -> Any:
                return await bridge.answered(request)

        return httpx2.AsyncClient(transport=Transport(), headers=headers, timeout=None, trust_env=False)

    async def answered(self, asked: Any) -> Any:
        """The answer to a request of the other library."""
        httpx2 = needed("httpx2", "mcp")
        headers = {
            name: value for name, value in asked.headers.items() if name not in _HOP or name == "content-type"
        }
        request = Request(asked.method, str(asked.url), headers, (), await asked.aread())
        try:
            answer = await self.enter_async_context(self._http.streaming(request, self._credentials))
        except Fault as raised:
            self.failure = self.failure or raised
            raise httpx2.ConnectError(str(raised), request=asked) from raised
        kept = [(name, value) for name, value in answer.headers.multi_items() if name.lower() not in _HOP]
        return httpx2.Response(answer.status_code, headers=kept, content=self._chunks(answer), request=asked)

    async def _chunks(self, answer: httpx.Response) -> AsyncIterator[bytes]:
        lost = needed("httpx2", "mcp").ReadError
        try:
            async for chunk in answer.aiter_bytes():
                self._left -= len(chunk)
                if self._left < 0:
                    message = f"an MCP server answered with more than {self._limit} bytes"
                    self.failure = self.failure or LimitExceeded(message)
                    raise lost(message)
                yield chunk
        except needed("httpx", "mcp").HTTPError as error:
            raise lost(str(error)) from error
