"""The public keys of those who assert identities: fetched when needed, kept in the store, fetched anew when
a key is not among them or they have grown old.

The rule: only who is named by a trust rule or by the server's settings is ever asked, and not often."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform.access.trust import is_safe_url
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.tables import issuers

FRESH = timedelta(hours=1)
AGAIN = timedelta(seconds=30)  # the least time between two tries: a made-up key id must not make us ask
LARGEST = 512 * 1024
SECONDS = 10.0

Fetch = Callable[[str], Mapping[str, Any]]


def fetch_json(url: str) -> Mapping[str, Any]:
    """The JSON object at a URL; no redirects, bounded in size and time. Raises `CasewayError` (`issuer`)."""
    if not is_safe_url(url):
        raise CasewayError(f"{url[:200]!r} is not asked for keys", code="issuer")
    try:
        with (
            httpx.Client(timeout=SECONDS, follow_redirects=False) as client,
            client.stream("GET", url, headers={"Accept": "application/json"}) as response,
        ):
            response.raise_for_status()
            body = b""
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LARGEST:
                    raise CasewayError(f"the answer of {url} is too large", code="issuer")
        value = json.loads(body)
    except (httpx.HTTPError, ValueError, RecursionError) as error:
        raise CasewayError(
            f"{url} does not answer with JSON: {type(error).__name__}",
            code="issuer",
            hint="is it there, and reachable from the server?",
        ) from error
    if not isinstance(value, Mapping):
        raise CasewayError(f"{url} does not answer with a JSON object", code="issuer")
    return value


def key_of(platform: Platform, issuer: str, key_id: str, fetch: Fetch = fetch_json) -> Mapping[str, Any]:
    """The JSON Web Key of that id; raises `CasewayError` (`unauthenticated`, `issuer`)."""
    now = platform.clock()
    row = _known(platform, issuer)
    is_fresh = row is not None and row.fetched_at is not None and row.fetched_at + FRESH > now
    found = _pick(row.keys, key_id) if row is not None and is_fresh else None
    if found is None and (row is None or row.tried_at + AGAIN <= now or not is_fresh):
        row = refresh(platform, issuer, fetch)
        found = _pick(row.keys, key_id)
    if found is None:
        raise CasewayError("the assertion is signed with a key that nobody knows", code="unauthenticated")
    return found


def endpoints_of(platform: Platform, issuer: str, fetch: Fetch = fetch_json) -> Mapping[str, Any]:
    """What the issuer says of itself: where to sign in, and where codes become tokens."""
    row = _known(platform, issuer)
    if row is None or row.fetched_at is None or row.fetched_at + FRESH <= platform.clock():
        row = refresh(platform, issuer, fetch)
    found: Mapping[str, Any] = row.endpoints
    return found


def refresh(platform: Platform, issuer: str, fetch: Fetch = fetch_json) -> Row:
    """Ask the issuer for its keys now."""
    now = platform.clock()
    _keep(platform, issuer, {"tried_at": now})
    told = fetch(issuer.rstrip("/") + "/.well-known/openid-configuration")
    if str(told.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
        raise CasewayError(f"{issuer} says that it is somebody else", code="issuer", place=issuer)
    keys = fetch(str(told.get("jwks_uri", ""))).get("keys")
    kept = [dict(key) for key in keys if isinstance(key, Mapping)] if isinstance(keys, list) else []
    names = ("authorization_endpoint", "token_endpoint", "device_authorization_endpoint")
    endpoints = {name: str(told[name]) for name in names if told.get(name)}
    _keep(platform, issuer, {"keys": kept, "endpoints": endpoints, "fetched_at": now, "tried_at": now})
    row = _known(platform, issuer)
    assert row is not None
    return row


def _pick(keys: Any, key_id: str) -> Mapping[str, Any] | None:
    return next(
        (key for key in keys if key.get("kid") == key_id and key.get("use", "sig") == "sig"),
        None,
    )


def _known(platform: Platform, issuer: str) -> Row | None:
    query = sa.select(issuers).where(issuers.c.issuer == issuer.rstrip("/"))
    with platform.database.reading() as connection:
        return connection.execute(query).one_or_none()


def _keep(platform: Platform, issuer: str, values: dict[str, Any]) -> None:
    name = issuer.rstrip("/")
    first: dict[str, Any] = {"keys": [], "endpoints": {}, **values}
    try:
        with platform.database.writing() as connection:
            changed = connection.execute(sa.update(issuers).where(issuers.c.issuer == name).values(**values))
            if changed.rowcount == 0:
                connection.execute(sa.insert(issuers).values(issuer=name, **first))
    except sa.exc.IntegrityError:  # another server was quicker: now there is a row to change
        with platform.database.writing() as connection:
            connection.execute(sa.update(issuers).where(issuers.c.issuer == name).values(**values))
