"""Claims: the right of one worker to run an execution, and all that running it needs.

The one rule: a claim's token fences every write, so delivering an execution twice does no harm.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.model.states import EXECUTION, ExecutionStatus, move
from caseway.platform import prepared, trail
from caseway.platform.admission import Room
from caseway.platform.bundle import Platform
from caseway.platform.creation import Draft
from caseway.platform.held import Claim
from caseway.platform.remembered import Deployed, Remembered
from caseway.platform.statements import Raw, raw
from caseway.platform.suspending import SUSPENDING
from caseway.platform.tables import executions, instant

ENDED = (ExecutionStatus.COMPLETED, ExecutionStatus.FAULTED, ExecutionStatus.CANCELLED)
CLAIMABLE = (ExecutionStatus.PENDING, ExecutionStatus.RUNNING, ExecutionStatus.WAITING)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An execution that a worker would like to claim."""

    execution_id: str
    worker: str
    seconds: float


Taken = Claim | CasewayError | None


def claim(platform: Platform, execution_id: str, *, worker: str, seconds: float = 30.0) -> Claim | None:
    """Take an execution to run it; None when it has ended, or another worker's claim still stands."""
    wanted = Wanted(execution_id, worker, seconds)
    with platform.database.writing() as connection:
        (taken,) = take(raw(connection), [wanted], platform.clock(), Remembered())
    if isinstance(taken, CasewayError):
        raise taken
    return taken


def take(connection: Raw, wanted: Sequence[Wanted], now: datetime, remembered: Remembered) -> list[Taken]:
    """For each execution its claim, None when it cannot be had, or the error that there is none such."""
    rows = prepared.claimable(connection, sorted({one.execution_id for one in wanted}))
    room = Room(connection, instant(now))
    changes: list[dict[str, Any]] = []
    taken: list[Taken] = []
    for one in wanted:
        row = rows.get(one.execution_id)
        if row is None:
            taken.append(trail.unknown(one.execution_id))
            continue
        deployed = remembered.deployed(connection, row["deployment_id"])
        concurrency = deployed.limits.get("concurrency")
        if not _is_free(row, instant(now)) or not room.take(row["instance_id"], concurrency):
            taken.append(None)
            continue
        change = _taking(row, one, now)
        changes.append(change)
        document = remembered.document(connection, row["definition"])
        taken.append(_claim({**row, **change}, deployed, document))
        row["claim_expires_at"] = change["until"]  # asked for twice, it is given once
    prepared.take(connection, changes)
    return taken


def _is_free(row: Mapping[str, Any], now: str) -> bool:
    until = row["claim_expires_at"]
    return row["status"] in CLAIMABLE and (until is None or until <= now)


def _taking(row: Mapping[str, Any], wanted: Wanted, now: datetime) -> dict[str, Any]:
    return {
        "taken": row["id"],
        "worker": wanted.worker,
        "token": row["claim_token"] + 1,
        "until": instant(now + timedelta(seconds=wanted.seconds)),
        "times": row["dispatches"] + 1,
        "since": row["started_at"] or instant(now),
    }


def claim_next(platform: Platform, *, worker: str, seconds: float = 30.0) -> Claim | None:
    """Claim the oldest pending execution whose instance may run one more; None when there is none."""
    at, last = _LONG_AGO, ""
    while found := pending(platform, at, last):
        for item in found:
            held = claim(platform, item.id, worker=worker, seconds=seconds)
            if held is not None:
                return held
            at, last = item.created_at, item.id
    return None


def pending(platform: Platform, at: datetime, last: str) -> Sequence[Any]:
    """Some pending executions later than that one, oldest first: `id`, `created_at`, `instance_id`."""
    with platform.database.reading() as connection:
        return connection.execute(_PENDING, {"at": at, "last": last}).all()


def pending_since(platform: Platform, moment: datetime, limit: int) -> list[str]:
    """The ids of executions made before `moment` that are pending, oldest first."""
    with platform.database.reading() as connection:
        return list(connection.scalars(_PENDING_SINCE, {"before": moment, "most": limit}))


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_IS_PENDING = executions.c.status == sa.literal_column(f"'{ExecutionStatus.PENDING.value}'")
_PENDING = (
    sa.select(executions.c.id, executions.c.created_at, executions.c.instance_id)
    .where(
        _IS_PENDING,
        executions.c.created_at >= sa.bindparam("at"),
        sa.or_(executions.c.created_at > sa.bindparam("at"), executions.c.id > sa.bindparam("last")),
    )
    .order_by(executions.c.created_at, executions.c.id)
    .limit(20)
)
_PENDING_SINCE = (
    sa.select(executions.c.id)
    .where(_IS_PENDING, executions.c.created_at <= sa.bindparam("before"))
    .order_by(executions.c.created_at, executions.c.id)
    .limit(sa.bindparam("most"))
)


def heartbeat(platform: Platform, held: Claim, seconds: float = 30.0) -> str:
    """Keep the claim: "ok", "cancel" or "suspend" when asked to, "lost" when it is another's by now."""
    with platform.database.writing() as connection:
        kept = connection.execute(
            sa.update(executions)
            .where(*_mine(held))
            .values(claim_expires_at=platform.clock() + timedelta(seconds=seconds))
        )
        if kept.rowcount != 1:
            return "lost"
        row = trail.the_execution(connection, held.execution_id)
    if row.cancel_requested:
        return "cancel"
    return "suspend" if row.reason == SUSPENDING else "ok"


def listen(platform: Platform, held: Claim) -> str:
    """As `heartbeat`, without renewing the claim: nothing is written."""
    query = sa.select(executions.c.claim_token, executions.c.cancel_requested)
    with platform.database.reading() as connection:
        row = connection.execute(query.where(executions.c.id == held.execution_id)).one_or_none()
    if row is None or row.claim_token != held.token:
        return "lost"
    return "cancel" if row.cancel_requested else "ok"


def release(platform: Platform, held: Claim, *, status: str = "pending", reason: str = "") -> None:
    """Give the claim back before the end, leaving the execution pending, waiting or suspended."""
    after = move(EXECUTION, ExecutionStatus.RUNNING, ExecutionStatus(status))
    with platform.database.writing() as connection:
        written = connection.execute(
            sa.update(executions)
            .where(*_mine(held), executions.c.status == ExecutionStatus.RUNNING)
            .values(claim_expires_at=None, status=after, reason=reason)
        )
        if written.rowcount != 1:
            raise lost(held)


def _claim(row: Mapping[str, Any], deployed: Deployed, document: JsonObject) -> Claim:
    return Claim(
        execution_id=row["id"],
        token=row["token"],
        worker=row["worker"],
        document=document,
        input=None if row["input"] is None else json.loads(row["input"]),
        instance_id=row["instance_id"],
        instance=row["instance"],
        organization=row["organization"],
        process=row["process"],
        workflow=row["workflow"],
        version=row["version"],
        limits=deployed.limits,
        labels={"instance": row["instance"], "stage": row["stage"], "process": row["process"]},
        definition=row["definition"],
        deployment_id=row["deployment_id"],
        has_secrets=deployed.has_secrets,
    )


def first(draft: Draft, document: JsonObject, worker: str) -> Claim:
    """The claim on an execution that is made and claimed in one."""
    serving = draft.serving
    return Claim(
        execution_id=draft.id,
        token=1,
        worker=worker,
        document=document,
        input=draft.input,
        instance_id=serving.instance_id,
        instance=serving.instance,
        organization=serving.organization,
        process=serving.process,
        workflow=draft.served.workflow,
        version=serving.version,
        limits=serving.limits,
        labels={"instance": serving.instance, "stage": serving.stage, "process": serving.process},
        definition=draft.served.definition,
        deployment_id=serving.deployment_id,
        has_secrets=serving.has_secrets,
        is_new=True,
    )


def _mine(held: Claim) -> tuple[Any, ...]:
    return executions.c.id == held.execution_id, executions.c.claim_token == held.token


def lost(held: Claim) -> CasewayError:
    """The error for a worker whose claim is another's by now."""
    return CasewayError(
        f"execution {held.execution_id} is no longer {held.worker}'s to write",
        code="claim-lost",
        place=held.execution_id,
    )
