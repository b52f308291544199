"""A person's consent (OAuth 2 authorization code, with PKCE): asked for in a browser, and brought back."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

import sqlalchemy as sa

from caseway.model.credential_types import AUTHORIZATION_CODE
from caseway.model.errors import CasewayError
from caseway.platform import healing, oauth
from caseway.platform.access.presented import digest
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.credentials import the_credential
from caseway.platform.tables import credentials, sign_ins, to_text

GOOD_FOR = timedelta(minutes=10)


def begin(platform: Platform, organization: str, name: str, home: tuple[str, str], redirect: str) -> str:
    """Where the person goes to consent; `home` is scope and owner, `redirect` where the browser comes back.

    Raises `not-found`, `credential-type`, `redirect`."""
    row = the_credential(platform, organization, name, *home)
    if row.type != AUTHORIZATION_CODE:
        raise CasewayError(
            f"{name} is of type {row.type}: nobody consents to it", code="credential-type", place=name
        )
    parts = urlsplit(redirect)
    if parts.hostname not in {"127.0.0.1", "::1", "localhost"} and parts.scheme != "https":
        raise CasewayError("the browser cannot come back there", code="redirect", place=redirect[:200])
    value = json.loads(platform.keyring().decrypt(row.ciphertext))
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    kept = {"credential": row.id, "organization": organization, "verifier": verifier, "redirect": redirect}
    now = platform.clock()
    with platform.database.writing() as connection:
        connection.execute(sa.delete(sign_ins).where(sign_ins.c.expires_at <= now))
        connection.execute(
            sa.insert(sign_ins).values(
                digest=digest(state),
                sealed=platform.keyring().encrypt(to_text(kept).encode("utf-8")),
                expires_at=now + GOOD_FOR,
            )
        )
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": str(value["clientId"]),
        "redirect_uri": redirect,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **{key: str(value[key]) for key in ("scope", "audience") if value.get(key)},
    }
    url = oauth.checked_url(str(value["authorizationUrl"]), name)
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def complete(platform: Platform, by: By, state: str, code: str) -> list[str]:
    """Take the code that the browser brought back; the names of instances that went live because of it.

    Raises `state` (unknown, used or too old), `credential-refresh`."""
    with platform.database.writing() as connection:
        found = connection.execute(
            sa.select(sign_ins).where(sign_ins.c.digest == digest(state))
        ).one_or_none()
        connection.execute(sa.delete(sign_ins).where(sign_ins.c.digest == digest(state)))
    kept = json.loads(platform.keyring().decrypt(found.sealed)) if found is not None else {}
    if found is None or found.expires_at <= by.at or kept["organization"] != by.organization:
        raise CasewayError(
            "this consent was not asked for, or too long ago", code="state", hint="begin again"
        )
    with platform.database.reading() as connection:
        row = connection.execute(sa.select(credentials).where(credentials.c.id == kept["credential"])).one()
    value = json.loads(platform.keyring().decrypt(row.ciphertext))
    grant = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": kept["redirect"],
        "code_verifier": kept["verifier"],
    }
    try:
        answer = oauth.ask(value, grant, row.name)
    except oauth.Refusal as refusal:
        raise CasewayError(
            f"the authorization server refuses the consent: {refusal.error}",
            code="credential-refresh",
            place=row.name,
        ) from refusal
    made = oauth.with_token(value, answer, by.at)
    with platform.database.transaction() as connection:
        ciphertext = platform.keyring().encrypt(to_text(made).encode("utf-8"))
        connection.execute(
            sa.update(credentials)
            .where(credentials.c.id == row.id)
            .values(ciphertext=ciphertext, expires_at=None, updated_at=by.at)
        )
        note(connection, by, ("authorize", "credential", row.name))
        waiting = healing.review(connection, by)
    return healing.heal(platform, waiting, by)
