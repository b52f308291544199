"""Whether a request that came with a key used before asks for the same as the one before.

Rule: header fields are left out of it, for those that carry a trace or a time differ each time."""

from __future__ import annotations

import json
from collections.abc import Mapping

import sqlalchemy as sa

from caseway.model.canonical import Json
from caseway.platform import credentials
from caseway.platform.bundle import Platform
from caseway.platform.creation import Made
from caseway.platform.references import References
from caseway.platform.serving import serving_of
from caseway.platform.tables import executions, to_text
from caseway.platform.triggers.admit import CALLERS, Admitted
from caseway.platform.triggers.refusal import Refusal


def refuse_another(platform: Platform, admitted: Admitted, made: Made) -> None:
    """Raises `Refusal` (`idempotency-key-reused`) when the caller's own key stands for another request. A
    sender that signs is believed that its ids mean one event; across versions requests are not compared."""
    new = admitted.new
    if made.is_new or not new.idempotency_key.startswith(f"{CALLERS}:"):
        return
    columns = (executions.c.input, executions.c.deployment_id, executions.c.instance_id)
    with platform.database.reading() as connection:
        older = connection.execute(sa.select(*columns).where(executions.c.id == made.id)).one_or_none()
        serving = serving_of(connection, new.organization, new.instance)
        if older is None or older.deployment_id != serving.deployment_id:
            return
        known = credentials.values_within(connection, platform, older.instance_id)
    mine = json.loads(to_text(References(known.items()).hide(new.input)))
    if _compared(mine, admitted) != _compared(older.input, admitted):
        raise Refusal(
            "this idempotency key was used for another request",
            code="idempotency-key-reused",
            hint="take a new key for a new request",
        )


def _compared(given: Json, admitted: Admitted) -> Json:
    if "headers" in admitted.door.include and isinstance(given, Mapping):
        return {name: value for name, value in given.items() if name != "headers"}
    return given
