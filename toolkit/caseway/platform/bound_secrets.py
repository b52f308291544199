"""The values of credentials that an instance is about to be deployed with, before it has a deployment."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import Json
from caseway.platform.bundle import Platform
from caseway.platform.tables import credentials


def bound_secrets(platform: Platform, bound: Mapping[str, Any]) -> Callable[[str], Json]:
    """Gives the value of a slot, bound as `slots.bind` said, at the moment it is called; KeyError when the
    slot has no credential, or none any more."""

    def secret(slot: str) -> Json:
        if slot not in bound:
            raise KeyError(slot)
        query = sa.select(credentials.c.ciphertext).where(credentials.c.id == bound[slot]["id"])
        with platform.database.reading() as connection:
            ciphertext = connection.scalar(query)
        if ciphertext is None:
            raise KeyError(slot)
        value: Json = json.loads(platform.keyring().decrypt(ciphertext))
        return value

    return secret
