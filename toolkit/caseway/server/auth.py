"""Who asks: the token of a request, and whom it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fastapi import Request

from caseway.model.access import ANONYMOUS, Caller
from caseway.model.errors import CasewayError
from caseway.platform.bundle import Platform

Authenticate = Callable[[Platform, str], Caller]


def presented(request: Request) -> str:
    """The token that a request carries: `Authorization: Bearer`, else `X-API-Key`; "" when it has none."""
    header = request.headers.get("authorization", "")
    scheme, _, token = header.partition(" ")
    if header and scheme.lower() != "bearer":
        raise CasewayError(
            f"cannot read the authorization scheme {scheme[:20]!r}",
            code="unauthenticated",
            hint="send `Authorization: Bearer TOKEN`",
        )
    return token.strip() or request.headers.get("x-api-key", "").strip()


def caller_of_request(request: Request, platform: Platform, authenticate: Authenticate) -> Caller:
    """Who asks; nobody in particular without a token. Raises `CasewayError` (`unauthenticated`) for a token
    that is not known, has expired or was revoked."""
    token = presented(request)
    if not token:
        return replace(ANONYMOUS, id=_client(request))
    caller = authenticate(platform, token)
    if caller.kind == "anonymous":
        raise CasewayError(
            "this token is not known here, has expired or was revoked",
            code="unauthenticated",
            hint="make a new one, and set CASEWAY_TOKEN to it",
        )
    return caller


def _client(request: Request) -> str:
    """Where the request came from: how often one may try to sign in is counted by it."""
    return request.client.host if request.client is not None else ""
