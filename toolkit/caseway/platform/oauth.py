"""OAuth 2 tokens of credentials: had, renewed in time, by one process at a time, and never shown.

The rule: what the authorization server says in an error is not repeated; it may hold what we sent."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import sqlalchemy as sa

from caseway.model.credential_types import AUTHORIZATION_CODE, CLIENT_CREDENTIALS
from caseway.model.errors import CasewayError
from caseway.platform import lease
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.tables import credentials, instant, moment, to_text

EARLY = timedelta(minutes=5)  # before its end a token is renewed, so that no execution starts with an old one
DEFAULT = timedelta(hours=1)  # how long a token is good that does not say so
SECONDS = 20.0
LARGEST = 64 * 1024
MANAGED = frozenset({CLIENT_CREDENTIALS, AUTHORIZATION_CODE})
_HERE = ("127.0.0.1", "::1", "localhost")

Pause = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Refusal(Exception):
    """The authorization server says no: `error` is its code. `is_final`: asking again does not help."""

    error: str
    is_final: bool


def handed(value: Mapping[str, Any]) -> dict[str, Any]:
    """What an execution gets: the token, and neither the client's secret nor what renews the token."""
    token = str(value.get("accessToken") or "")
    return {"token": token, "accessToken": token, "tokenType": str(value.get("tokenType") or "Bearer")}


def is_fresh(value: Mapping[str, Any], now: datetime, early: timedelta = EARLY) -> bool:
    """Whether the token there is good for a while yet."""
    until = value.get("accessExpiresAt")
    return bool(value.get("accessToken")) and isinstance(until, str) and moment(until) > now + early


def fresh_value(
    platform: Platform, row: Row, *, force: bool = False, pause: Pause = time.sleep
) -> Mapping[str, Any]:
    """The credential's value with a token that is good now. One process renews, the others wait for it.

    Raises `CasewayError` (`credential-refresh`)."""
    value = _opened(platform, row)
    if is_fresh(value, platform.clock()) and not force:
        return value
    seen = row.ciphertext
    deadline = time.monotonic() + 2 * SECONDS
    while True:
        try:
            held = lease.acquire(platform, name=f"credential:{row.id}", seconds=2 * SECONDS)
        except CasewayError as error:
            if error.code != "lease-held" or time.monotonic() > deadline:
                raise
            pause(0.05)
            now = _read(platform, row.id)
            if now.ciphertext != seen and is_fresh(_opened(platform, now), platform.clock()):
                return _opened(platform, now)
            continue
        try:
            return _renewed(platform, row, seen, held)
        finally:
            lease.release(platform, held)


def _renewed(platform: Platform, row: Row, seen: str, held: lease.Lease) -> Mapping[str, Any]:
    """With the lease in hand: look again, for somebody may just have done it; else ask for a token."""
    now = _read(platform, row.id)
    value = _opened(platform, now)
    if now.ciphertext != seen and is_fresh(value, platform.clock()):
        return value
    try:
        answer = ask(value, _grant(row.type, value), row.name)
    except Refusal as refusal:
        if refusal.is_final:
            _withdrawn(platform, row.id)
        raise CasewayError(
            f"the authorization server refuses a token for {row.name}: {refusal.error}",
            code="credential-refresh",
            place=row.name,
            hint="authorize it anew: caseway credential authorize"
            if row.type == AUTHORIZATION_CODE
            else "check the client's id and secret: caseway credential test",
        ) from refusal
    made = with_token(value, answer, platform.clock())
    with platform.database.writing() as connection:
        lease.confirm(connection, held, platform.clock())
        ciphertext = platform.keyring().encrypt(to_text(made).encode("utf-8"))
        connection.execute(
            sa.update(credentials).where(credentials.c.id == row.id).values(ciphertext=ciphertext)
        )
    return made


def with_token(value: Mapping[str, Any], answer: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The credential's value with what a token endpoint answered. A new refresh token takes the old one's
    place: many servers take each only once."""
    seconds = answer.get("expires_in")
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and seconds > 0
    until = now + (timedelta(seconds=min(float(seconds), 10**8)) if is_number else DEFAULT)  # type: ignore[arg-type]
    made = {
        **value,
        "accessToken": str(answer["access_token"]),
        "tokenType": str(answer.get("token_type") or "Bearer"),
        "accessExpiresAt": instant(until),
    }
    if answer.get("refresh_token"):
        made["refreshToken"] = str(answer["refresh_token"])
    return made


def ask(value: Mapping[str, Any], grant: Mapping[str, str], name: str) -> Mapping[str, Any]:
    """What the token endpoint answers. Raises `Refusal`, or `CasewayError` (`credential-refresh`)."""
    url = checked_url(str(value.get("tokenUrl", "")), name)
    client = (str(value.get("clientId", "")), str(value.get("clientSecret", "")))
    form = {**grant, **{key: str(value[key]) for key in ("scope", "audience") if value.get(key)}}
    auth: httpx.Auth = httpx.BasicAuth(*client)
    if value.get("clientAuthentication") == "post":
        form, auth = {**form, "client_id": client[0], "client_secret": client[1]}, httpx.Auth()
    try:
        with httpx.Client(timeout=SECONDS, follow_redirects=False) as http:
            answer = http.post(url, data=form, headers={"Accept": "application/json"}, auth=auth)
        told = json.loads(answer.content[:LARGEST])
    except (httpx.HTTPError, ValueError, RecursionError) as error:
        raise CasewayError(
            f"the authorization server of {name} does not answer: {type(error).__name__}",
            code="credential-refresh",
            place=name,
            hint="is it reachable? It is tried again with the next execution",
        ) from error
    if answer.status_code == httpx.codes.OK and isinstance(told, dict) and told.get("access_token"):
        return told
    code = str(told.get("error", ""))[:50] if isinstance(told, dict) else ""
    known = code if code.replace("_", "").isalpha() else f"status {answer.status_code}"
    raise Refusal(known, code in {"invalid_grant", "invalid_client", "unauthorized_client"})


def checked_url(url: str, name: str) -> str:
    """A URL that secrets may be sent to: HTTPS, or this very machine. Raises `CasewayError`."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE):
        return url
    raise CasewayError(
        f"the secret of {name} is not sent over an open line",
        code="credential-refresh",
        place=name,
        hint="its URL must begin with https://",
    )


def _grant(kind: str, value: Mapping[str, Any]) -> Mapping[str, str]:
    if kind == CLIENT_CREDENTIALS:
        return {"grant_type": "client_credentials"}
    if not value.get("refreshToken"):
        raise Refusal("nobody has consented yet, or the consent cannot be renewed", False)
    return {"grant_type": "refresh_token", "refresh_token": str(value["refreshToken"])}


def _withdrawn(platform: Platform, credential_id: str) -> None:
    """From now on it is none: instances that need it wait for another."""
    with platform.database.transaction() as connection:
        connection.execute(
            sa.update(credentials)
            .where(credentials.c.id == credential_id)
            .values(expires_at=platform.clock())
        )


def _read(platform: Platform, credential_id: str) -> Row:
    with platform.database.reading() as connection:
        return connection.execute(sa.select(credentials).where(credentials.c.id == credential_id)).one()


def _opened(platform: Platform, row: Row) -> Mapping[str, Any]:
    value: Mapping[str, Any] = json.loads(platform.keyring().decrypt(row.ciphertext))
    return value
