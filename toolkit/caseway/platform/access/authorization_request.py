"""What is kept while a browser is away at an authorization server (RFC 6749 section 4.1, PKCE: RFC 7636).

Rule: a state is good once, for ten minutes, and only for the purpose that it was made for."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform.access.presented import digest
from caseway.platform.bundle import Platform
from caseway.platform.tables import sign_ins, to_text

GOOD_FOR = timedelta(minutes=10)


def begun(
    platform: Platform, purpose: str, client: str, redirect: str, kept: Mapping[str, str]
) -> dict[str, str]:
    """The query of an authorization request; `kept` is what `ended` gives back for its state."""
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    sealed = {**kept, "purpose": purpose, "verifier": verifier, "redirect": redirect}
    now = platform.clock()
    with platform.database.writing() as connection:
        connection.execute(sa.delete(sign_ins).where(sign_ins.c.expires_at <= now))
        connection.execute(
            sa.insert(sign_ins).values(
                digest=digest(state),
                sealed=platform.keyring().encrypt(to_text(sealed).encode("utf-8")),
                expires_at=now + GOOD_FOR,
            )
        )
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": redirect,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }


def ended(platform: Platform, purpose: str, state: str, at: datetime) -> Mapping[str, Any]:
    """What was kept for the state, once. Raises `state`: unknown, used, too old, or of another purpose."""
    is_it = sign_ins.c.digest == digest(state)
    with platform.database.writing() as connection:
        row = connection.execute(sa.select(sign_ins).where(is_it)).one_or_none()
        connection.execute(sa.delete(sign_ins).where(is_it))
    kept: Mapping[str, Any] = (
        json.loads(platform.keyring().decrypt(row.sealed)) if row is not None and row.expires_at > at else {}
    )
    if kept.get("purpose") != purpose:
        raise CasewayError(
            f"this {purpose} was not begun here, or too long ago", code="state", hint="begin again"
        )
    return kept


def grant(kept: Mapping[str, Any], code: str) -> dict[str, str]:
    """What the token endpoint is asked with (RFC 6749 section 4.1.3)."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": kept["redirect"],
        "code_verifier": kept["verifier"],
    }
