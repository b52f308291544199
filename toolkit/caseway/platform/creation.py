"""New executions, bound for life to what serves their instance at that moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import Json
from caseway.model.states import ExecutionStatus
from caseway.platform import credentials, prepared
from caseway.platform.bundle import Platform
from caseway.platform.lookup import the_instance
from caseway.platform.references import References
from caseway.platform.rows import is_running
from caseway.platform.serving import Served, Serving, serving_of
from caseway.platform.statements import Raw, raw
from caseway.platform.tables import instant, to_text


@dataclass(frozen=True, slots=True)
class NewExecution:
    """What to run: a workflow of an instance; "" is its only one, or the first with this trigger."""

    organization: str
    instance: str
    workflow: str = ""
    input: Json = None
    trigger: str = "manual"
    trigger_id: str = ""
    actor: str = ""
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """An execution that is ready to be stored: what it is bound to, its input without secrets."""

    id: str
    new: NewExecution
    serving: Serving
    served: Served
    input: Json
    at: datetime


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a draft: `id` is an older execution's when its idempotency key was used before; ""
    when what the draft is bound to serves no longer."""

    id: str
    is_new: bool


STALE = Made("", False)


def create(platform: Platform, new: NewExecution) -> str:
    """The id of a pending execution, bound for life to what serves the instance now. An idempotency key
    that was used before gives the execution it made then.

    Raises `CasewayError`: `not-found`, `not-deployed`, `not-active`, `workflow`."""
    new_id = platform.ids()
    with platform.database.writing() as connection:
        made = insert(connection, platform, new, new_id)
    platform.bell.ring([made] if made == new_id else [])
    return made


def insert(connection: sa.Connection, platform: Platform, new: NewExecution, execution_id: str) -> str:
    """As `create`, in a transaction of the caller's."""
    known = _known_by_name(connection, new)
    if known is not None:
        return known
    serving = serving_of(connection, new.organization, new.instance)
    made = drafted(connection, platform, new, serving, execution_id)
    return store(raw(connection), [made])[0].id


def drafted(
    connection: sa.Connection, platform: Platform, new: NewExecution, serving: Serving, execution_id: str
) -> Draft:
    """The execution to be. Raises `CasewayError` (`workflow`)."""
    served = serving.chosen(new.workflow, new.trigger, new.trigger_id)
    known = {}
    if serving.has_secrets:
        known = credentials.values_within(connection, platform, serving.instance_id)
    return Draft(
        execution_id, new, serving, served, References(known.items()).hide(new.input), platform.clock()
    )


def store(connection: Raw, drafts: Sequence[Draft]) -> list[Made]:
    """Make pending executions of drafts that were just drafted."""
    prepared.insert_executions(connection, [row(draft) for draft in drafts])
    return stored(connection, drafts)


def stored(connection: Raw, drafts: Sequence[Draft]) -> list[Made]:
    """Which of the drafts became executions, and which older ones stand in the place of the others."""
    keyed = [draft.id for draft in drafts if draft.new.idempotency_key]
    there = prepared.existing(connection, keyed) if keyed else set()
    return [
        Made(draft.id, True)
        if not draft.new.idempotency_key or draft.id in there
        else Made(_older(connection, draft), False)
        for draft in drafts
    ]


def still_serving(connection: Raw, drafts: Sequence[Draft]) -> list[Draft]:
    """Those drafts whose deployment serves now, and whose instance answers."""
    ids = sorted({draft.serving.instance_id for draft in drafts})
    now = prepared.serving_now(connection, ids)
    return [draft for draft in drafts if _is_served(draft.serving, now.get(draft.serving.instance_id))]


def _is_served(serving: Serving, now: tuple[str, str] | None) -> bool:
    return now is not None and now[1] == serving.deployment_id and is_running(now[0])


def row(draft: Draft, **claimed: Any) -> dict[str, Any]:
    """The draft as a row of the table, pending unless `claimed` says otherwise."""
    new, serving = draft.new, draft.serving
    return {
        "id": draft.id,
        "organization": serving.organization,
        "instance_id": serving.instance_id,
        "instance": serving.instance,
        "process": serving.process,
        "stage": serving.stage,
        "workflow": draft.served.workflow,
        "deployment_id": serving.deployment_id,
        "version": serving.version,
        "template_digest": serving.template_digest,
        "definition": draft.served.definition,
        "trigger": new.trigger,
        "trigger_id": new.trigger_id,
        "actor": new.actor,
        "input": None if draft.input is None else to_text(draft.input),
        "created_at": instant(draft.at),
        "retry_of": "",
        "idempotency_key": new.idempotency_key or None,
        **_PENDING,
        **claimed,
    }


_PENDING: dict[str, Any] = {
    "status": ExecutionStatus.PENDING.value,
    "reason": "",
    "dispatches": 0,
    "claimed_by": "",
    "claim_token": 0,
    "claim_expires_at": None,
    "started_at": None,
    "failed_task": "",
    "cancel_requested": False,
}


def fresh() -> dict[str, Any]:
    return {
        "status": ExecutionStatus.PENDING,
        "reason": "",
        "dispatches": 0,
        "claimed_by": "",
        "claim_token": 0,
        **unended(),
    }


def unended() -> dict[str, Any]:
    return {"failed_task": "", "cancel_requested": False, "error": None, "result": None}


def _known_by_name(connection: sa.Connection, new: NewExecution) -> str | None:
    if not new.idempotency_key:
        return None
    instance = the_instance(connection, new.organization, new.instance)
    return prepared.of_key(raw(connection), instance.id, new.idempotency_key)


def _older(connection: Raw, draft: Draft) -> str:
    known = prepared.of_key(connection, draft.serving.instance_id, draft.new.idempotency_key)
    assert known is not None  # its key is why the draft was not stored
    return known
