"""Whether a request that came with a key used before asks for the same as the one before.

Rule: header fields are left out of it, for those that carry a trace or a time differ each time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import sqlalchemy as sa

from caseway.model.canonical import Json
from caseway.model.errors import CasewayError
from caseway.platform import credentials
from caseway.platform.bundle import Platform
from caseway.platform.creation import Made, NewExecution
from caseway.platform.references import References
from caseway.platform.serving import serving_of
from caseway.platform.tables import executions, to_text
from caseway.platform.triggers.admit import CALLERS, Admitted
from caseway.platform.triggers.refusal import Refusal

REUSED = "idempotency-key-reused"
_SAID = "this idempotency key was used for another request"
_HINT = "take a new key for a new request"


def refuse_another(platform: Platform, admitted: Admitted, made: Made) -> None:
    """Raises `Refusal` (`idempotency-key-reused`) when the caller's own key stands for another request. A
    sender that signs is believed that its ids mean one event; across versions requests are not compared."""
    new = admitted.new
    if made.is_new or not new.idempotency_key.startswith(f"{CALLERS}:"):
        return
    if is_another(platform, new, made.id, lambda given: _compared(given, admitted)):
        raise Refusal(_SAID, code=REUSED, hint=_HINT)


def refuse_another_start(platform: Platform, new: NewExecution, made_id: str) -> None:
    """The same for an execution that is started by hand: raises `CasewayError`. The workflow and the trigger
    that it is started as must be the same, too."""
    with platform.database.reading() as connection:
        columns = (executions.c.workflow, executions.c.trigger, executions.c.trigger_id)
        older = connection.execute(sa.select(*columns).where(executions.c.id == made_id)).one_or_none()
    if older is None:
        return
    is_elsewhere = new.workflow not in {"", older.workflow}
    is_as_another = (new.trigger, new.trigger_id) != (older.trigger, older.trigger_id)
    if is_elsewhere or is_as_another or is_another(platform, new, made_id, lambda given: given):
        raise CasewayError(_SAID, code=REUSED, place=made_id, hint=_HINT)


def is_another(platform: Platform, new: NewExecution, made_id: str, compared: Callable[[Json], Json]) -> bool:
    """Whether what was made once under the key has another input, of which `compared` counts."""
    columns = (executions.c.input, executions.c.deployment_id, executions.c.instance_id)
    with platform.database.reading() as connection:
        older = connection.execute(sa.select(*columns).where(executions.c.id == made_id)).one_or_none()
        serving = serving_of(connection, new.organization, new.instance)
        if older is None or older.deployment_id != serving.deployment_id:
            return False
        known = credentials.values_within(connection, platform, older.instance_id)
    mine = json.loads(to_text(References(known.items()).hide(new.input)))
    return compared(mine) != compared(older.input)


def _compared(given: Json, admitted: Admitted) -> Json:
    if "headers" in admitted.door.include and isinstance(given, Mapping):
        return {name: value for name, value in given.items() if name != "headers"}
    return given
