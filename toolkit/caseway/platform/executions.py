"""Executions from their creation to their end: created, claimed by one worker at a time, finished once.

The one rule: a claim's token fences every write, so delivering an execution twice does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from caseway.model.canonical import Json, JsonObject
from caseway.model.errors import CasewayError
from caseway.model.states import EXECUTION, ExecutionStatus, move
from caseway.platform import attempts, trail
from caseway.platform import body as template_body
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.lease import is_dead
from caseway.platform.lookup import Row, the_instance
from caseway.platform.rows import is_running
from caseway.platform.sources import document_of, workflow_source
from caseway.platform.tables import executions, journal
from caseway.platform.tables.types import Instant
from caseway.platform.trail import (
    ExecutionView,
    Page,
    TaskView,
    get_execution,
    list_executions,
    tasks,
)

if TYPE_CHECKING:
    from caseway_runner import Outcome

__all__ = [
    "Claim",
    "ExecutionView",
    "NewExecution",
    "Page",
    "TaskView",
    "cancel",
    "claim",
    "claim_next",
    "create",
    "finish",
    "get_execution",
    "heartbeat",
    "list_executions",
    "release",
    "resume",
    "retry",
    "sweep",
    "tasks",
    "workflow_source",
]

ENDED = (ExecutionStatus.COMPLETED, ExecutionStatus.FAULTED, ExecutionStatus.CANCELLED)
CLAIMABLE = (ExecutionStatus.PENDING, ExecutionStatus.RUNNING, ExecutionStatus.WAITING)
DISPATCHES = 1 + 3  # the first, and the retries that a lost worker is allowed unless the use case says


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
class Claim:
    """The right to run an execution, while `token` is the latest, and all that running it needs."""

    execution_id: str
    token: int
    worker: str
    document: JsonObject
    input: Json
    instance_id: str
    instance: str
    organization: str
    process: str
    workflow: str
    version: str
    limits: JsonObject = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    depth: int = 0


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
            input=new.input,
            created_at=platform.clock(),
            retry_of="",
            idempotency_key=new.idempotency_key or None,
            **_fresh(),
        )
    )
    return execution_id


def claim(platform: Platform, execution_id: str, *, worker: str, seconds: float = 30.0) -> Claim | None:
    """Take an execution to run it; None when it has ended, or another worker's claim still stands."""
    now = platform.clock()
    is_free = sa.or_(executions.c.claim_expires_at.is_(None), executions.c.claim_expires_at <= now)
    with platform.database.writing() as connection:
        taken = connection.execute(
            sa.update(executions)
            .where(executions.c.id == execution_id, executions.c.status.in_(CLAIMABLE), is_free)
            .values(
                status=ExecutionStatus.RUNNING,
                reason="",
                claimed_by=worker,
                claim_token=executions.c.claim_token + 1,
                claim_expires_at=now + timedelta(seconds=seconds),
                dispatches=executions.c.dispatches + 1,
                started_at=sa.func.coalesce(executions.c.started_at, sa.literal(now, Instant)),
            )
        )
        if taken.rowcount != 1:
            return None
        return _claim(connection, _row(connection, execution_id))


def claim_next(platform: Platform, *, worker: str, seconds: float = 30.0) -> Claim | None:
    """Claim the oldest pending execution; None when there is none."""
    while True:
        with platform.database.reading() as connection:
            found = connection.scalar(
                sa.select(executions.c.id)
                .where(executions.c.status == ExecutionStatus.PENDING)
                .order_by(executions.c.created_at, executions.c.id)
                .limit(1)
            )
        if found is None:
            return None
        held = claim(platform, found, worker=worker, seconds=seconds)
        if held is not None:
            return held


def heartbeat(platform: Platform, held: Claim, seconds: float = 30.0) -> str:
    """Keep the claim: "ok", "cancel" when somebody wants it to end, "lost" when it is another's by now."""
    with platform.database.writing() as connection:
        kept = connection.execute(
            sa.update(executions)
            .where(*_mine(held))
            .values(claim_expires_at=platform.clock() + timedelta(seconds=seconds))
        )
        if kept.rowcount != 1:
            return "lost"
        row = _row(connection, held.execution_id)
    return "cancel" if row.cancel_requested else "ok"


def release(platform: Platform, held: Claim, *, status: str = "pending", reason: str = "") -> None:
    """Give the claim back before the end, leaving the execution pending, waiting or suspended."""
    after = move(EXECUTION, ExecutionStatus.RUNNING, ExecutionStatus(status))
    with platform.database.writing() as connection:
        _write(connection, held, {"status": after, "reason": reason})


def finish(platform: Platform, held: Claim, outcome: Outcome) -> None:
    """Record how it ended (or that it waits), once. Raises `CasewayError` (`claim-lost`)."""
    now = platform.clock()
    status = ExecutionStatus(outcome.status.value)
    values: dict[str, Any] = {"status": status, "reason": outcome.reason}
    if status in ENDED:
        values |= {
            "result": outcome.output,
            "error": None if outcome.error is None else dict(outcome.error.as_json()),
            "failed_task": outcome.error.instance if outcome.error is not None else "",
            "ended_at": now,
        }
    with platform.database.writing() as connection:
        move(EXECUTION, ExecutionStatus.RUNNING, status)
        _write(connection, held, values)
        trail.record(connection, held.execution_id, outcome.tasks)
        if status in ENDED:
            trail.close(connection, held.execution_id, status, now)


def cancel(platform: Platform, execution_id: str, *, actor: str) -> str:
    """Ask an execution to end; its status now. One that no worker holds is cancelled at once."""
    now = platform.clock()
    with platform.database.writing() as connection:
        row = _row(connection, execution_id)
        if row.status in ENDED:
            move(EXECUTION, ExecutionStatus(row.status), ExecutionStatus.CANCELLED)
        is_held = row.claim_expires_at is not None and row.claim_expires_at > now
        values: dict[str, Any] = {"cancel_requested": True}
        if not is_held:
            values |= {"status": ExecutionStatus.CANCELLED, "reason": "cancelled", "ended_at": now}
            values |= {"claim_token": executions.c.claim_token + 1, "claim_expires_at": None}
            trail.close(connection, execution_id, ExecutionStatus.CANCELLED, now)
        connection.execute(sa.update(executions).where(executions.c.id == execution_id).values(**values))
        note(connection, By(row.organization, actor, now), ("cancel", "execution", execution_id))
    return "running" if is_held else "cancelled"


def retry(platform: Platform, execution_id: str, *, actor: str) -> str:
    """Run it anew from the start, with the same input and definition; the id of the new execution."""
    now = platform.clock()
    new_id = platform.ids()
    with platform.database.writing() as connection:
        row = _row(connection, execution_id)
        if row.status not in ENDED:
            raise CasewayError(
                f"execution {execution_id} is {row.status} still",
                code="illegal-transition",
                place=execution_id,
                hint="wait for its end, or cancel it",
            )
        kept: tuple[str, ...] = (
            "organization",
            "instance_id",
            "instance",
            "process",
            "stage",
            "workflow",
            "version",
        )
        kept += ("deployment_id", "template_digest", "definition", "input", "trigger_id")
        connection.execute(
            sa.insert(executions).values(
                **{name: getattr(row, name) for name in kept},
                id=new_id,
                trigger=row.trigger,
                actor=actor,
                created_at=now,
                retry_of=execution_id,
                idempotency_key=None,
                **_fresh(),
            )
        )
        subject = ("retry", "execution", execution_id)
        note(connection, By(row.organization, actor, now), subject, after={"execution": new_id})
    return new_id


def resume(platform: Platform, execution_id: str, *, actor: str) -> str:
    """Let a suspended, waiting or faulted execution go on from its journal; its id."""
    now = platform.clock()
    with platform.database.writing() as connection:
        row = _row(connection, execution_id)
        if row.status != ExecutionStatus.PENDING:
            move(EXECUTION, ExecutionStatus(row.status), ExecutionStatus.PENDING)
        is_held = row.claim_expires_at is not None and row.claim_expires_at > now
        if is_held and not is_dead(row.claimed_by, platform.holder):
            raise CasewayError(
                f"{row.claimed_by} runs execution {execution_id}",
                code="illegal-transition",
                place=execution_id,
            )
        if row.status == ExecutionStatus.FAULTED:
            _forget_fault(connection, row)
        connection.execute(
            sa.update(executions)
            .where(executions.c.id == execution_id)
            .values(
                status=ExecutionStatus.PENDING,
                reason="resumed",
                ended_at=None,
                claim_expires_at=None,
                claim_token=executions.c.claim_token + 1,  # whoever held it may not write any more
                **_unended(),
            )
        )
        note(connection, By(row.organization, actor, now), ("resume", "execution", execution_id))
    return execution_id


def sweep(platform: Platform) -> list[str]:
    """Bring back what lost its worker: pending again while it has dispatches left, faulted (lost) after.
    The ids of those that are pending again."""
    now = platform.clock()
    back = []
    lost = sa.and_(
        executions.c.status.in_((ExecutionStatus.RUNNING, ExecutionStatus.WAITING)),
        executions.c.claim_expires_at <= now,
    )
    with platform.database.reading() as connection:
        if connection.scalar(sa.select(executions.c.id).where(lost).limit(1)) is None:
            return []
    with platform.database.writing() as connection:
        for row in connection.execute(sa.select(executions).where(lost)).all():
            is_over = row.dispatches >= DISPATCHES
            status = ExecutionStatus.FAULTED if is_over else ExecutionStatus.PENDING
            values: dict[str, Any] = {"status": status, "reason": "lost", "claim_expires_at": None}
            values["claim_token"] = row.claim_token + 1
            if row.cancel_requested:
                status = ExecutionStatus.CANCELLED
                values |= {"status": status, "reason": "cancelled"}
            if status is not ExecutionStatus.PENDING:
                values |= {"ended_at": now, "error": None if row.cancel_requested else _lost(row)}
                trail.close(connection, row.id, status, now)
            else:
                back.append(row.id)
            connection.execute(sa.update(executions).where(executions.c.id == row.id).values(**values))
    return back


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


def _fresh() -> dict[str, Any]:
    return {
        "status": ExecutionStatus.PENDING,
        "reason": "",
        "dispatches": 0,
        "claimed_by": "",
        "claim_token": 0,
        **_unended(),
    }


def _unended() -> dict[str, Any]:
    return {"failed_task": "", "cancel_requested": False, "error": None, "result": None}


def _forget_fault(connection: sa.Connection, row: Row) -> None:
    """The task that failed shall run again, and deadlines count anew: the journal must not say otherwise.
    Faults that the workflow caught stay, for the way taken after them depends on them."""
    mine = journal.c.execution_id == row.id
    kinds = ("faulted", "cut") if row.reason == "timeout" else ("faulted",)
    for kind in kinds:
        last = connection.scalar(sa.select(sa.func.max(journal.c.number)).where(mine, journal.c.kind == kind))
        if last is not None:
            connection.execute(sa.delete(journal).where(mine, journal.c.number == last))
    connection.execute(sa.delete(journal).where(mine, journal.c.kind == "begun"))


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


def _claim(connection: sa.Connection, row: Row) -> Claim:
    return Claim(
        execution_id=row.id,
        token=row.claim_token,
        worker=row.claimed_by,
        document=document_of(connection, row.definition),
        input=row.input,
        instance_id=row.instance_id,
        instance=row.instance,
        organization=row.organization,
        process=row.process,
        workflow=row.workflow,
        version=row.version,
        limits=_limits(connection, row),
        labels={"instance": row.instance, "stage": row.stage, "process": row.process},
    )


def _limits(connection: sa.Connection, row: Row) -> JsonObject:
    return template_body.limits(trail.template_of(connection, row))


def _row(connection: sa.Connection, execution_id: str) -> Row:
    row = connection.execute(sa.select(executions).where(executions.c.id == execution_id)).one_or_none()
    if row is None:
        raise trail.unknown(execution_id)
    return row


def _mine(held: Claim) -> tuple[Any, ...]:
    return executions.c.id == held.execution_id, executions.c.claim_token == held.token


def _write(connection: sa.Connection, held: Claim, values: Mapping[str, Any]) -> None:
    written = connection.execute(
        sa.update(executions)
        .where(*_mine(held), executions.c.status == ExecutionStatus.RUNNING)
        .values(claim_expires_at=None, **values)
    )
    if written.rowcount != 1:
        raise CasewayError(
            f"execution {held.execution_id} is no longer {held.worker}'s to write",
            code="claim-lost",
            place=held.execution_id,
        )


def _lost(row: Row) -> dict[str, Any]:
    return {
        "type": "https://serverlessworkflow.io/spec/1.0.0/errors/runtime",
        "status": 500,
        "title": "Lost",
        "detail": f"its worker went away {row.dispatches} times, last {row.claimed_by}",
        "instance": "",
    }


def _mend(instance: Row) -> str:
    if instance.missing:
        return f"set the credential for {', '.join(instance.missing)}"
    if instance.auto_paused_by:
        return f"stage {instance.auto_paused_by} runs instead"
    return "resume it, or restore it from the archive"
