"""The values of credentials that an instance is about to be deployed with, before it has a deployment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import Json
from caseway.platform.bundle import Platform
from caseway.platform.credential_values import value_of
from caseway.platform.tables import credentials


def bound_secrets(platform: Platform, bound: Mapping[str, Any]) -> Callable[[str], Json]:
    """Gives the value of a slot, bound as `slots.bind` said, at the moment it is called; KeyError when the
    slot has no credential, or none any more."""

    def secret(slot: str) -> Json:
        if slot not in bound:
            raise KeyError(slot)
        query = sa.select(credentials).where(credentials.c.id == bound[slot]["id"])
        with platform.database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise KeyError(slot)
        value: Json = value_of(platform, row)
        return value

    return secret
