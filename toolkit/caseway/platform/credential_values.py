"""The value of a credential at this moment, from wherever it is had. The one place where one is opened."""

from __future__ import annotations

import json
from typing import Any

from caseway.platform import oauth
from caseway.platform.age_files import opened
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.secret_sources import AGE, STORE


def value_of(platform: Platform, row: Row) -> Any:
    """What an execution gets. Tokens are renewed, so not within a transaction.

    Raises `CasewayError`: `secret-key`, `secret-source`, `credential-refresh`, `age`."""
    if row.source == STORE and row.type in oauth.MANAGED:
        return oauth.handed(oauth.fresh_value(platform, row))
    return known_value(platform, row)


def known_value(platform: Platform, row: Row) -> Any:
    """As `value_of`, with the token that is there: asks no authorization server. For what must be hidden."""
    if row.source not in {STORE, AGE}:
        return platform.sources.read(row.source, row.reference, row.type)
    value = json.loads(platform.keyring().decrypt(row.ciphertext))
    if row.source == AGE:
        return opened(value, platform.sources.identities)
    return oauth.handed(value) if row.type in oauth.MANAGED else value
