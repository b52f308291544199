"""What every request passes on its way in and out: an id, a limit to its size, a count, a line in the log.

Rule: no route can be reached around it."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from caseway.model.errors import CasewayError
from caseway.server.pace import Pace
from caseway.server.problems import answer
from caseway.server.serving import Serving

LOG = logging.getLogger("caseway.server.access")
REQUEST_ID = "x-request-id"
_GOOD_ID = re.compile(r"^[A-Za-z0-9._:-]{1,100}$")
PREFIX = "/api/v1/"
UPLOADS = PREFIX + "blobs/"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Edge:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, serving: Serving) -> None:
        self._app = app
        self.serving = serving
        self._settings = serving.settings
        self._metrics = serving.metrics
        self._pace = Pace(serving.settings.max_rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection; only HTTP requests are looked at."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        passing = _Passing(scope, send)
        began = time.perf_counter()
        self._metrics.open.inc()
        try:
            await self._pass(scope, receive, passing)
        finally:
            self._metrics.open.dec()
            took = time.perf_counter() - began
            route = _route(scope)
            self._metrics.answered(_method(scope), route, passing.status, took)
            LOG.info(
                "%s %s %s %.1fms %s", _method(scope), route, passing.status, took * 1000, passing.request_id
            )

    async def _pass(self, scope: Scope, receive: Receive, passing: _Passing) -> None:
        wait = self._pace.wait(scope) if scope["path"].startswith(PREFIX) else 0
        if wait:
            await answer(_too_many(wait), headers={"Retry-After": str(wait)})(scope, receive, passing.send)
            return
        most = self._settings.max_upload if scope["path"].startswith(UPLOADS) else self._settings.max_body
        said = Headers(scope=scope).get("content-length", "")
        if said.isdigit() and int(said) > most:
            await answer(_too_large(most))(scope, receive, passing.send)
            return
        await self._app(scope, _counted(receive, most), passing.send)


class _Passing:
    """One request on its way: its id, and the status it was answered with."""

    def __init__(self, scope: MutableMapping[str, Any], send: Send) -> None:
        given = Headers(scope=scope).get(REQUEST_ID, "")
        self.request_id = given if _GOOD_ID.match(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = self.request_id
        self.status = 500
        self._send = send

    async def send(self, message: Message) -> None:
        """Pass a message out; the first gets the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers[REQUEST_ID] = self.request_id
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)


def _counted(receive: Receive, most: int) -> Receive:
    """`receive`, which refuses to go on when more than `most` bytes have come."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise _too_large(most)
        return message

    return counted


def _too_many(wait: int) -> CasewayError:
    return CasewayError(
        "too many requests at once", code="too-many-requests", hint=f"try again in {wait} seconds"
    )


def _too_large(most: int) -> CasewayError:
    return CasewayError(
        f"the request is larger than {most:,} bytes", code="too-large", hint="send less at once"
    )


def _route(scope: Scope) -> str:
    """The pattern of the route, so that the number of names stays small."""
    route = scope.get("route")
    return str(getattr(route, "path", "") or "unknown")


def _method(scope: Scope) -> str:
    known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return scope["method"] if scope["method"] in known else "OTHER"
