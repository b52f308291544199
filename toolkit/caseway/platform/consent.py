"""A person's consent (OAuth 2 authorization code, with PKCE): asked for in a browser, and brought back."""

from __future__ import annotations

import json
from urllib.parse import urlencode, urlsplit

import sqlalchemy as sa

from caseway.model.credential_types import AUTHORIZATION_CODE
from caseway.model.errors import CasewayError
from caseway.platform import healing, oauth
from caseway.platform.access import authorization_request
from caseway.platform.access.trust import LOOPBACK
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.credentials import the_credential
from caseway.platform.tables import credentials, to_text

PURPOSE = "consent"


def begin(platform: Platform, organization: str, name: str, home: tuple[str, str], redirect: str) -> str:
    """Where the person goes to consent; `home` is scope and owner, `redirect` where the browser comes back.

    Raises `not-found`, `credential-type`, `redirect`."""
    row = the_credential(platform, organization, name, *home)
    if row.type != AUTHORIZATION_CODE:
        raise CasewayError(
            f"{name} is of type {row.type}: nobody consents to it", code="credential-type", place=name
        )
    parts = urlsplit(redirect)
    if parts.hostname not in LOOPBACK and parts.scheme != "https":
        raise CasewayError("the browser cannot come back there", code="redirect", place=redirect[:200])
    value = json.loads(platform.keyring().decrypt(row.ciphertext))
    kept = {"credential": row.id, "organization": organization}
    client = str(value["clientId"])
    query = authorization_request.begun(platform, PURPOSE, client, redirect, kept)
    query |= {key: str(value[key]) for key in ("scope", "audience") if value.get(key)}
    url = oauth.checked_url(str(value["authorizationUrl"]), name)
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def complete(platform: Platform, by: By, state: str, code: str) -> list[str]:
    """Take the code that the browser brought back; the names of instances that went live because of it.

    Raises `state` (unknown, used or too old), `credential-refresh`."""
    kept = authorization_request.ended(platform, PURPOSE, state, by.at)
    if kept["organization"] != by.organization:
        raise CasewayError("this consent was asked for by another organization", code="state")
    with platform.database.reading() as connection:
        row = connection.execute(sa.select(credentials).where(credentials.c.id == kept["credential"])).one()
    value = json.loads(platform.keyring().decrypt(row.ciphertext))
    try:
        answer = oauth.ask(value, authorization_request.grant(kept, code), row.name)
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
