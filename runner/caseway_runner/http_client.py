"""Sends HTTP requests for one execution, within its policy. httpx is imported with the first request."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlsplit

from caseway_runner.credentials import Credentials
from caseway_runner.errors import LimitExceeded, fault
from caseway_runner.ports import Ports

if TYPE_CHECKING:
    import ssl

    import httpx

_CONNECT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request about to be sent; `query` is added to the URL's own."""

    method: str
    url: str
    headers: Mapping[str, str]
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """What came back, and the URL and headers that were really sent."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    url: str
    sent_headers: Mapping[str, str]


class HttpClient:
    """The HTTP border of one execution."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._clients: dict[str, httpx.AsyncClient] = {}
        self.tokens: dict[str, tuple[str, str, float]] = {}
        self.documents: dict[str, Mapping[str, Any]] = {}
        self.resources: dict[str, bytes] = {}

    async def send(self, request: Request, credentials: Credentials | None = None) -> Response:
        """Send `request`. Raises communication and timeout faults, LimitExceeded for too large answers."""
        async with self.streaming(request, credentials) as answer:
            body = await self._read(answer)
        return Response(
            answer.status_code,
            answer.reason_phrase,
            answer.headers,
            body,
            str(answer.request.url),
            answer.request.headers,
        )

    @asynccontextmanager
    async def streaming(
        self, request: Request, credentials: Credentials | None = None
    ) -> AsyncIterator[httpx.Response]:
        """The answer to `request`, its body not read yet. Raises as `send` does, while reading, too."""
        library = load_httpx()
        check_host(request.url, self._ports.policy.hosts)
        headers = dict(request.headers)
        auth: httpx.Auth | None = None
        if credentials is not None and credentials.scheme == "Digest":
            auth = library.DigestAuth(credentials.username, credentials.password)
        elif credentials is not None:
            headers["Authorization"] = f"{credentials.scheme} {credentials.parameter}"
        try:
            client = self._opened(request.url)
            built = client.build_request(
                request.method,
                request.url,
                headers=headers,
                params=_merged_query(request) if request.query else None,
                content=request.body or None,
            )
            answer = await client.send(built, auth=auth, stream=True)
            try:
                yield answer
            finally:
                await answer.aclose()
        except library.TimeoutException as error:
            raise fault("timeout", f"{request.method} {request.url}: {error or 'timed out'}") from error
        except (library.HTTPError, library.InvalidURL, UnicodeError) as error:
            raise fault("communication", f"{request.method} {request.url}: {error}") from error

    async def close(self) -> None:
        """Close connections that this execution opened; a shared transport stays open."""
        clients, self._clients = self._clients, {}
        if self._ports.http_transport is None:
            for client in clients.values():
                await client.aclose()

    async def _read(self, answer: httpx.Response) -> bytes:
        limit = self._ports.policy.limits.output_bytes
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > limit:
                raise LimitExceeded(f"an HTTP response is larger than {limit} bytes")
        return bytes(body)

    def _opened(self, url: str) -> httpx.AsyncClient:
        """The client for the URL's scheme: what speaks plain HTTP needs no certificates."""
        scheme = urlsplit(url).scheme
        if scheme not in self._clients:
            httpx = load_httpx()
            shared = self._ports.http_transport
            tls = _tls() if scheme == "https" else _no_tls()
            self._clients[scheme] = httpx.AsyncClient(
                transport=shared or httpx.AsyncHTTPTransport(verify=tls, retries=0),
                timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
                headers={"User-Agent": "caseway-runner"},
                trust_env=False,
                follow_redirects=False,
            )
        return self._clients[scheme]


def load_httpx() -> ModuleType:
    """httpx, imported with the first request, without its command line: that would import rich and click,
    which takes longer than all the rest."""
    loaded = sys.modules.get("httpx")
    if loaded is not None and hasattr(loaded, "AsyncClient"):
        return loaded
    is_ours = "httpx._main" not in sys.modules
    if is_ours:
        sys.modules["httpx._main"] = None  # type: ignore[assignment]  # None makes the import fail
    try:
        import httpx  # noqa: PLC0415 - costs 60 ms; many runs call nothing
    finally:
        if is_ours:
            del sys.modules["httpx._main"]
    return httpx


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """One TLS context for the process: loading the certificates takes longer than most calls."""
    return cast("ssl.SSLContext", load_httpx().create_ssl_context())


@lru_cache(maxsize=1)
def _no_tls() -> ssl.SSLContext:
    """A context that trusts nobody: httpx wants one, plain HTTP never uses it."""
    import ssl  # noqa: PLC0415 - comes with httpx anyway

    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def check_host(url: str, hosts: tuple[str, ...]) -> None:
    """Raise an authorization fault unless the policy allows the URL's host."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise fault("configuration", f"'{url[:200]}' is not a URL: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise fault("configuration", f"'{url[:200]}' is not an http(s) URL")
    check_address(host, port or (443 if parts.scheme == "https" else 80), hosts)


def check_address(host: str, port: int, hosts: tuple[str, ...]) -> None:
    """Raise an authorization fault unless the policy allows connections to `host` at `port`."""
    host = host.lower()
    named = f"{host}:{port}"
    if not any(fnmatchcase(host, glob.lower()) or fnmatchcase(named, glob.lower()) for glob in hosts):
        raise fault("authorization", f"the policy does not allow requests to {named}")


def _merged_query(request: Request) -> Any:
    httpx = load_httpx()
    return httpx.QueryParams([*httpx.URL(request.url).params.multi_items(), *request.query])


_VARIABLE = re.compile(r"\{([^{}]*)\}")


def expand(template: str, values: Any) -> str:
    """RFC 6570 simple expansion with the top-level properties of `values`; what is missing becomes empty."""

    def replace(match: re.Match[str]) -> str:
        value = values.get(match.group(1)) if isinstance(values, Mapping) else None
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int | float):
            return quote(str(value), safe="-._~")
        raise fault("expression", f"{{{match.group(1)}}} is neither text nor number, true, false or null")

    return _VARIABLE.sub(replace, template)
