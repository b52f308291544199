"""Sends HTTP requests for one execution, within its policy. httpx is imported with the first request."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from caseway_runner.authentication import Credentials
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
        self._client: httpx.AsyncClient | None = None
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
            dict(answer.headers),
            body,
            str(answer.request.url),
            dict(answer.request.headers),
        )

    @asynccontextmanager
    async def streaming(
        self, request: Request, credentials: Credentials | None = None
    ) -> AsyncIterator[httpx.Response]:
        """The answer to `request`, its body not read yet. Raises as `send` does, while reading, too."""
        import httpx  # noqa: PLC0415 - costs 60 ms; many runs call nothing

        check_host(request.url, self._ports.policy.hosts)
        headers = dict(request.headers)
        auth: httpx.Auth | None = None
        if credentials is not None and credentials.scheme == "Digest":
            auth = httpx.DigestAuth(credentials.username, credentials.password)
        elif credentials is not None:
            headers["Authorization"] = f"{credentials.scheme} {credentials.parameter}"
        try:
            built = self._opened().build_request(
                request.method,
                request.url,
                headers=headers,
                params=_merged_query(request) if request.query else None,
                content=request.body or None,
            )
            answer = await self._opened().send(built, auth=auth, stream=True)
            try:
                yield answer
            finally:
                await answer.aclose()
        except httpx.TimeoutException as error:
            raise fault("timeout", f"{request.method} {request.url}: {error or 'timed out'}") from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise fault("communication", f"{request.method} {request.url}: {error}") from error

    async def close(self) -> None:
        """Close connections that this execution opened; a shared transport stays open."""
        if self._client is not None and self._ports.http_transport is None:
            await self._client.aclose()
        self._client = None

    async def _read(self, answer: httpx.Response) -> bytes:
        limit = self._ports.policy.limits.output_bytes
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > limit:
                raise LimitExceeded(f"an HTTP response is larger than {limit} bytes")
        return bytes(body)

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx  # noqa: PLC0415 - costs 60 ms; many runs call nothing

            shared = self._ports.http_transport
            self._client = httpx.AsyncClient(
                transport=shared or httpx.AsyncHTTPTransport(verify=_tls(), retries=0),
                timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
                headers={"User-Agent": "caseway-runner"},
                trust_env=False,
                follow_redirects=False,
            )
        return self._client


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """One TLS context for the process: loading the certificates takes longer than most calls."""
    import httpx  # noqa: PLC0415 - costs 60 ms; many runs call nothing

    return httpx.create_ssl_context()


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
    import httpx  # noqa: PLC0415 - costs 60 ms; many runs call nothing

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
