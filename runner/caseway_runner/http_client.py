"""Sends HTTP requests for one execution, within its policy. httpx is imported with the first request.

Rule: requests go straight to httpx's transport. What its client adds is redirects, hooks and defaults that
no task uses, and a third of the time of a call; cookies and authentication are looked after here."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
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
_TIMEOUTS = {"connect": _CONNECT_SECONDS, "read": None, "write": None, "pool": None}
_HEADERS = {
    "accept": "*/*",
    "accept-encoding": "gzip, deflate",
    "connection": "keep-alive",
    "user-agent": "caseway-runner",
}


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
        self._transports: dict[str, httpx.AsyncBaseTransport] = {}
        self._cookies: httpx.Cookies | None = None  # what servers had set since the first that did
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
        try:
            built = self._built(request, credentials)
            answer = await self._answered(built, _auth(built, credentials))
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
        transports, self._transports = self._transports, {}
        if self._ports.http_transport is None:
            for transport in transports.values():
                await transport.aclose()

    def _built(self, request: Request, credentials: Credentials | None) -> httpx.Request:
        headers = {**_HEADERS, **{name.lower(): value for name, value in request.headers.items()}}
        if credentials is not None and credentials.scheme != "Digest":
            headers["authorization"] = f"{credentials.scheme} {credentials.parameter}"
        built: httpx.Request = load_httpx().Request(
            request.method,
            request.url,
            headers=headers,
            params=_merged_query(request) if request.query else None,
            content=request.body or None,
            extensions={"timeout": _TIMEOUTS},
        )
        if self._cookies is not None:
            self._cookies.set_cookie_header(built)
        return built

    async def _answered(self, request: httpx.Request, auth: httpx.Auth | None) -> httpx.Response:
        """The answer; after as many requests as the authentication takes."""
        if auth is None:
            return await self._exchanged(request)
        flow = auth.async_auth_flow(request)
        async with aclosing(flow):
            asked = await anext(flow)
            while True:
                answer = await self._exchanged(asked)
                try:
                    asked = await flow.asend(answer)
                    await answer.aread()
                except StopAsyncIteration:
                    return answer
                except BaseException:
                    await answer.aclose()
                    raise

    async def _exchanged(self, request: httpx.Request) -> httpx.Response:
        answer = await self._transport(request.url.scheme).handle_async_request(request)
        answer.request = request
        if "set-cookie" in answer.headers:
            if self._cookies is None:
                self._cookies = load_httpx().Cookies()
            self._cookies.extract_cookies(answer)
        return answer

    async def _read(self, answer: httpx.Response) -> bytes:
        limit = self._ports.policy.limits.output_bytes
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > limit:
                raise LimitExceeded(f"an HTTP response is larger than {limit} bytes")
        return bytes(body)

    def _transport(self, scheme: str) -> httpx.AsyncBaseTransport:
        """What sends requests of that scheme: plain HTTP needs no certificates."""
        found = self._ports.http_transport or self._transports.get(scheme)
        if found is None:
            tls = _tls() if scheme == "https" else _no_tls()
            found = self._transports[scheme] = load_httpx().AsyncHTTPTransport(verify=tls, retries=0)
        return found


def _auth(request: httpx.Request, credentials: Credentials | None) -> httpx.Auth | None:
    """The authentication that is more than a header: that of credentials, or of the URL itself."""
    library = load_httpx()
    if credentials is not None and credentials.scheme == "Digest":
        return cast("httpx.Auth", library.DigestAuth(credentials.username, credentials.password))
    if request.url.userinfo:
        return cast("httpx.Auth", library.BasicAuth(request.url.username, request.url.password))
    return None


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
    if not _is_allowed(host, f"{host}:{port}", hosts):
        raise fault("authorization", f"the policy does not allow requests to {host}:{port}")


@lru_cache(maxsize=1024)
def _is_allowed(host: str, named: str, hosts: tuple[str, ...]) -> bool:
    return any(fnmatchcase(host, glob.lower()) or fnmatchcase(named, glob.lower()) for glob in hosts)


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
