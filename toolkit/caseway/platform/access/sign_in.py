"""Signing in at an identity provider that the operator names (OpenID Connect: authorization code, PKCE).

The rule: the provider says who somebody is, never what they may do: who is no member here does not get in."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform import oauth
from caseway.platform.access import authorization_request
from caseway.platform.access.assertions import verified
from caseway.platform.access.issuers import endpoints_of
from caseway.platform.access.login import home_of, open_session
from caseway.platform.access.trust import LOOPBACK
from caseway.platform.bundle import Platform
from caseway.platform.identity import Provider
from caseway.platform.lookup import Row
from caseway.platform.tables import identities, users

PURPOSE = "sign-in"


def begin(platform: Platform, redirect: str) -> str:
    """Where the person signs in. `redirect` is where the browser comes back: this machine, or the platform's
    own address. Raises `no-provider`, `redirect`, `issuer`."""
    provider = _provider(platform)
    home = platform.base_url.rstrip("/") + "/"
    is_here = urlsplit(redirect).scheme == "http" and urlsplit(redirect).hostname in LOOPBACK
    if not is_here and not (platform.base_url and redirect.startswith(home)):
        raise CasewayError("the browser cannot come back there", code="redirect", place=redirect[:200])
    nonce = secrets.token_urlsafe(32)
    query = authorization_request.begun(platform, PURPOSE, provider.client_id, redirect, {"nonce": nonce}) | {
        "scope": "openid email profile",
        "nonce": nonce,
    }
    url = str(endpoints_of(platform, provider.issuer).get("authorization_endpoint", ""))
    return f"{oauth.checked_url(url, 'the identity provider')}?{urlencode(query)}"


def complete(platform: Platform, state: str, code: str, *, organization: str = "") -> tuple[str, datetime]:
    """A session for what the browser brought back. Raises `state`, `unauthenticated`, `forbidden`."""
    provider = _provider(platform)
    kept = authorization_request.ended(platform, PURPOSE, state, platform.clock())
    asked = {
        "tokenUrl": endpoints_of(platform, provider.issuer).get("token_endpoint"),
        "clientId": provider.client_id,
        "clientSecret": provider.client_secret,
    }
    try:
        answer = oauth.ask(asked, authorization_request.grant(kept, code), "the identity provider")
    except oauth.Refusal as refusal:
        raise CasewayError(
            f"the identity provider refuses: {refusal.error}", code="unauthenticated"
        ) from refusal
    claims = verified(platform, str(answer.get("id_token", "")), provider.issuer, [provider.client_id])
    if not hmac.compare_digest(str(claims.get("nonce", "")), kept["nonce"]):
        raise CasewayError("this answer is to another sign-in", code="unauthenticated")
    user = _known(platform, provider.issuer, claims)
    home = home_of(platform, user.id, organization)
    with platform.database.writing() as connection:
        return open_session(connection, platform, user, home)


def _known(platform: Platform, issuer: str, claims: Mapping[str, Any]) -> Row:
    """The person of an identity; the first time, the one person whose confirmed address it has."""
    subject = str(claims["sub"])
    with platform.database.writing() as connection:
        row = connection.execute(
            sa.select(users)
            .join(identities, identities.c.user_id == users.c.id)
            .where(identities.c.issuer == issuer, identities.c.subject == subject)
        ).one_or_none()
        if row is None:
            row = _invited(connection, issuer, claims)
            if row is not None:
                connection.execute(
                    sa.insert(identities).values(
                        issuer=issuer, subject=subject, user_id=row.id, created_at=platform.clock()
                    )
                )
    if row is None or row.is_disabled:
        raise CasewayError(
            "nobody here is known by this identity",
            code="forbidden",
            hint="an admin adds you with your address: caseway user add NAME --email ADDRESS",
        )
    return row


def _invited(connection: sa.Connection, issuer: str, claims: Mapping[str, Any]) -> Row | None:
    email = claims.get("email")
    if not isinstance(email, str) or not email or claims.get("email_verified") is not True:
        return None
    linked = sa.select(identities.c.user_id).where(identities.c.issuer == issuer)
    rows = connection.execute(sa.select(users).where(sa.func.lower(users.c.email) == email.lower())).all()
    free = connection.scalars(linked).all()
    return rows[0] if len(rows) == 1 and rows[0].id not in free else None


def _provider(platform: Platform) -> Provider:
    if platform.provider is None:
        raise CasewayError(
            "this server names no identity provider",
            code="no-provider",
            hint="sign in with a name and a password, or set CASEWAY_OIDC_ISSUER where the server runs",
        )
    return platform.provider
