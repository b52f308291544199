"""New executions, bound for life to what serves their instance at that moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import Json
from caseway.model.errors import CasewayError
from caseway.model.states import ExecutionStatus
from caseway.platform import attempts, credentials
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row, the_instance
from caseway.platform.references import References
from caseway.platform.rows import is_running
from caseway.platform.tables import executions


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


def create(platform: Platform, new: NewExecution) -> str:
    """The id of a pending execution, bound for life to what serves the instance now. An idempotency key
    that was used before gives the execution it made then.

    Raises `CasewayError`: `not-found`, `not-deployed`, `not-active`, `workflow`."""
    execution_id = platform.ids()
    try:
        with platform.database.writing() as connection:
            return insert(connection, platform, new, execution_id)
    except sa.exc.IntegrityError:  # the same key arrived twice at once: the other one won
        with platform.database.reading() as connection:
            instance = the_instance(connection, new.organization, new.instance)
            known = _of_key(connection, instance.id, new.idempotency_key)
        if known is None:
            raise
        return known


def insert(connection: sa.Connection, platform: Platform, new: NewExecution, execution_id: str) -> str:
    """As `create`, in a transaction of the caller's."""
    instance = the_instance(connection, new.organization, new.instance)
    known = _of_key(connection, instance.id, new.idempotency_key)
    if known is not None:
        return known
    serving = attempts.current(connection, instance.id)
    if serving is None:
        raise CasewayError(
            f"nothing is deployed for {new.instance}",
            code="not-deployed",
            place=new.instance,
            hint=instance.failed or "see `caseway instance get`, then apply or deploy again",
        )
    if not is_running(instance.phase):
        raise CasewayError(
            f"{new.instance} is {instance.phase}: it answers no triggers",
            code="not-active",
            place=new.instance,
            hint=_mend(instance),
        )
    workflow = _workflow(attempts.workflows_of(connection, serving.id), new)
    connection.execute(
        sa.insert(executions).values(
            **_bound(instance, serving),
            id=execution_id,
            workflow=workflow.workflow,
            definition=workflow.digest,
            trigger=new.trigger,
            trigger_id=new.trigger_id,
            actor=new.actor,
            input=_without_secrets(connection, platform, serving, new.input),
            created_at=platform.clock(),
            retry_of="",
            idempotency_key=new.idempotency_key or None,
            **fresh(),
        )
    )
    return execution_id


def _without_secrets(connection: sa.Connection, platform: Platform, serving: Row, value: Json) -> Json:
    """The input as it is stored: a reference for each secret that somebody put into it."""
    known = credentials.values_within(connection, platform, serving.instance_id)
    return References(known.items()).hide(value)


def _bound(instance: Row, serving: Row) -> dict[str, Any]:
    return {
        "organization": instance.organization,
        "instance_id": instance.id,
        "instance": instance.name,
        "process": instance.process,
        "stage": instance.stage,
        "deployment_id": serving.id,
        "version": serving.version,
        "template_digest": serving.template_digest,
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


def _workflow(served: Any, new: NewExecution) -> Row:
    named = [row for row in served if new.workflow in {"", row.workflow}]
    fitting = [row for row in named if new.workflow or _has_trigger(row, new)]
    found: Row | None = next(iter(fitting or (named if len(named) == 1 else ())), None)
    if found is not None:
        return found
    there = ", ".join(row.workflow for row in served) or "none"
    wanted = f"workflow {new.workflow!r}" if new.workflow else f"one workflow with a {new.trigger} trigger"
    raise CasewayError(
        f"{new.instance} does not have {wanted}",
        code="workflow",
        place=new.instance,
        hint=f"its workflows: {there}",
    )


def _has_trigger(row: Row, new: NewExecution) -> bool:
    triggers = row.settings.get("triggers") or ()
    return any(
        trigger.get("type") == new.trigger and new.trigger_id in {"", trigger.get("id")}
        for trigger in triggers
    )


def _of_key(connection: sa.Connection, instance_id: str, key: str) -> str | None:
    if not key:
        return None
    return connection.scalar(
        sa.select(executions.c.id).where(
            executions.c.instance_id == instance_id, executions.c.idempotency_key == key
        )
    )


def _mend(instance: Row) -> str:
    if instance.missing:
        return f"set the credential for {', '.join(instance.missing)}"
    if instance.auto_paused_by:
        return f"stage {instance.auto_paused_by} runs instead"
    return "resume it, or restore it from the archive"
