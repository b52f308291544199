"""The statements that every execution runs again and again, each with its purpose. No decisions here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from caseway.model.states import ExecutionStatus
from caseway.platform.statements import Listed, Raw, Row, Statement, inserted
from caseway.platform.tables import (
    current_deployments,
    definitions,
    deployments,
    executions,
    instances,
    journal,
    sleepers,
    tasks,
    templates,
)

OPEN = (ExecutionStatus.PENDING, ExecutionStatus.RUNNING, ExecutionStatus.WAITING)
_KEPT = frozenset({"execution_id", "position", "number"})  # what an update of a task leaves as it was
_CLAIMED = (
    "id",
    "status",
    "claim_token",
    "claim_expires_at",
    "dispatches",
    "started_at",
    "deployment_id",
    "template_digest",
    "definition",
    "input",
    "instance_id",
    "instance",
    "organization",
    "process",
    "stage",
    "workflow",
    "version",
)

NEW = (
    *("id", "organization", "instance_id", "instance", "process", "stage", "workflow", "deployment_id"),
    *("version", "template_digest", "definition", "status", "reason", "trigger", "trigger_id", "actor"),
    *("input", "failed_task", "created_at", "started_at", "retry_of", "idempotency_key", "dispatches"),
    *("claimed_by", "claim_token", "claim_expires_at", "cancel_requested"),
)

Claimable = dict[str, Any]


def insert_entries(connection: Raw, rows: Sequence[Row]) -> None:
    """Add journal entries."""
    connection.run_each(_INSERT_ENTRY, rows)


def upsert_tasks(connection: Raw, rows: Sequence[Row]) -> None:
    """Add task records, or replace those of the same position; these keep their number."""
    connection.run_each(_UPSERT_TASK, rows)


def close_tasks(connection: Raw, rows: Sequence[Row]) -> None:
    """End the tasks of `ended` executions that are open still: `ended`, `status`, `at`."""
    connection.run_each(_CLOSE_TASKS, rows)


def claims_of(connection: Raw, ids: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Claim token and status of some executions; nobody changes them until the transaction ends."""
    return {row[0]: (row[1], row[2]) for row in _CLAIMS.run(connection, ids)}


def claimable(connection: Raw, ids: Sequence[str]) -> dict[str, Claimable]:
    """What a claim needs of some executions, locked until the transaction ends."""
    rows = _CLAIMABLE.run(connection, ids)
    return {row[0]: dict(zip(_CLAIMED, row, strict=True)) for row in rows}


def take(connection: Raw, rows: Sequence[Row]) -> None:
    """Make them running: `taken`, `worker`, `token`, `until`, `times`, `since`."""
    connection.run_each(_TAKE, rows)


def last_numbers(connection: Raw, execution_id: str) -> tuple[int, int]:
    """The highest numbers of an execution's journal entries and task records, -1 when it has none."""
    entry, task = connection.run(_NUMBERS, {"entries": execution_id, "tasks": execution_id}).fetchone()
    return -1 if entry is None else int(entry), -1 if task is None else int(task)


def insert_executions(connection: Raw, rows: Sequence[Row]) -> None:
    """Add executions, all columns of `NEW`. One whose idempotency key its instance knows is left out."""
    connection.run_each(_INSERT_EXECUTION, rows)


def existing(connection: Raw, ids: Sequence[str]) -> set[str]:
    """Those of the ids that executions have."""
    return {row[0] for row in _EXISTING.run(connection, ids)}


def of_key(connection: Raw, instance_id: str, key: str) -> str | None:
    """The execution that an idempotency key made."""
    row = connection.run(_OF_KEY, {"whose": instance_id, "key": key}).fetchone()
    return None if row is None else str(row[0])


def end_executions(connection: Raw, rows: Sequence[Row]) -> None:
    """Record how they ended: `ended`, `status`, `reason`, `result`, `error`, `failed_task`, `ended_at`."""
    connection.run_each(_END, rows)


def halt_executions(connection: Raw, rows: Sequence[Row]) -> None:
    """Give claims back before the end: `ended`, `status`, `reason`."""
    connection.run_each(_HALT, rows)


def forget_sleepers(connection: Raw, rows: Sequence[Row]) -> None:
    """Nothing wakes `ended` executions any more."""
    connection.run_each(_FORGET_SLEEPER, rows)


def insert_sleepers(connection: Raw, rows: Sequence[Row]) -> None:
    """Keep what executions wait for."""
    connection.run_each(_INSERT_SLEEPER, rows)


def serving_now(connection: Raw, instance_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Phase and serving deployment of those living instances that have one."""
    return {row[0]: (row[1], row[2]) for row in _SERVING.run(connection, instance_ids)}


def running(connection: Raw, instance_id: str, now: str) -> int:
    """How many executions of an instance workers hold; other claimants wait until the transaction ends."""
    connection.run(_LOCK_INSTANCE, {"whose": instance_id})
    return int(connection.run(_RUNNING, {"whose": instance_id, "now": now}).fetchone()[0])


def definition(connection: Raw, digest: str) -> bytes:
    """A rendered workflow."""
    return bytes(connection.run(_DEFINITION, {"digest": digest}).fetchone()[0])


def template(connection: Raw, deployment_id: str) -> tuple[bytes, str, str, str]:
    """Body, digest and version of the template of a deployment, and what it was rendered with, as JSON."""
    body, digest, version, inputs = connection.run(_TEMPLATE, {"deployment": deployment_id}).fetchone()
    return bytes(body), digest, version, inputs


def _upsert_task(dialect: str) -> sa.ClauseElement:
    statement = inserted(tasks, dialect)
    changed = {column.name: statement.excluded[column.name] for column in tasks.c if column.name not in _KEPT}
    # Of a task that only replays the input may not be known again.
    changed["input"] = sa.func.coalesce(statement.excluded.input, tasks.c.input)
    keys = [column.name for column in tasks.primary_key]
    update: sa.ClauseElement = statement.on_conflict_do_update(index_elements=keys, set_=changed)
    return update


def _insert_execution(dialect: str) -> sa.ClauseElement:
    values = {name: sa.bindparam(name, type_=executions.c[name].type) for name in NEW}
    statement: sa.ClauseElement = (
        inserted(executions, dialect)
        .values(values)
        .on_conflict_do_nothing(index_elements=["instance_id", "idempotency_key"])
    )
    return statement


def _ending(**values: Any) -> sa.ClauseElement:
    return sa.update(executions).where(executions.c.id == sa.bindparam("ended")).values(**values)


def _bound(*names: str) -> dict[str, Any]:
    """Columns that are set to parameters of their own names."""
    return {name: sa.bindparam(name, type_=sa.Text()) for name in names}


_NO_CLAIM = {"claim_expires_at": sa.null()}
_MINE = executions.c.id == sa.bindparam("taken")

_INSERT_ENTRY = Statement(lambda _: sa.insert(journal))
_UPSERT_TASK = Statement(_upsert_task)
_CLOSE_TASKS = Statement(
    lambda _: (
        sa.update(tasks)
        .where(
            tasks.c.execution_id == sa.bindparam("ended"),
            sa.or_(*[tasks.c.status == sa.literal_column(f"'{status.value}'") for status in OPEN]),
        )
        .values(status=sa.bindparam("as"), ended_at=sa.bindparam("at"))
    )
)
_CLAIMS = Listed(
    lambda wanted: (
        sa.select(executions.c.id, executions.c.claim_token, executions.c.status)
        .where(executions.c.id.in_(wanted))
        .order_by(executions.c.id)
        .with_for_update(read=True)
    )
)
_CLAIMABLE = Listed(
    lambda wanted: (
        sa.select(*[executions.c[name] for name in _CLAIMED])
        .where(executions.c.id.in_(wanted))
        .order_by(executions.c.id)
        .with_for_update()
    )
)
_TAKE = Statement(
    lambda _: (
        sa.update(executions)
        .where(_MINE)
        .values(
            status=ExecutionStatus.RUNNING.value,
            reason=sa.literal_column("''"),
            claimed_by=sa.bindparam("worker"),
            claim_token=sa.bindparam("token"),
            claim_expires_at=sa.bindparam("until", type_=sa.Text()),
            dispatches=sa.bindparam("times"),
            started_at=sa.bindparam("since", type_=sa.Text()),
        )
    )
)
_NUMBERS = Statement(
    lambda _: sa.select(
        *[
            sa.select(sa.func.max(table.c.number))
            .where(table.c.execution_id == sa.bindparam(name))
            .scalar_subquery()
            for table, name in ((journal, "entries"), (tasks, "tasks"))
        ]
    )
)
_INSERT_EXECUTION = Statement(_insert_execution)
_EXISTING = Listed(lambda wanted: sa.select(executions.c.id).where(executions.c.id.in_(wanted)))
_OF_KEY = Statement(
    lambda _: sa.select(executions.c.id).where(
        executions.c.instance_id == sa.bindparam("whose"), executions.c.idempotency_key == sa.bindparam("key")
    )
)
_END = Statement(
    lambda _: _ending(**_bound("status", "reason", "result", "error", "failed_task", "ended_at"), **_NO_CLAIM)
)
_HALT = Statement(lambda _: _ending(**_bound("status", "reason"), **_NO_CLAIM))
_FORGET_SLEEPER = Statement(
    lambda _: sa.delete(sleepers).where(sleepers.c.execution_id == sa.bindparam("ended"))
)
_INSERT_SLEEPER = Statement(lambda _: sa.insert(sleepers))
_SERVING = Listed(
    lambda wanted: (
        sa.select(instances.c.id, instances.c.phase, current_deployments.c.deployment_id)
        .join(current_deployments, current_deployments.c.instance_id == instances.c.id)
        .where(instances.c.id.in_(wanted), instances.c.tombstone == sa.literal_column("''"))
    )
)
_LOCK_INSTANCE = Statement(
    lambda _: (
        sa.select(instances.c.id)
        .where(instances.c.id == sa.bindparam("whose"))
        .with_for_update(key_share=True)
    )
)
_RUNNING = Statement(
    lambda _: (
        sa.select(sa.func.count())
        .select_from(executions)
        .where(
            executions.c.instance_id == sa.bindparam("whose"),
            executions.c.status == ExecutionStatus.RUNNING.value,
            executions.c.claim_expires_at > sa.bindparam("now", type_=sa.Text()),
        )
    )
)
_DEFINITION = Statement(
    lambda _: sa.select(definitions.c.body).where(definitions.c.digest == sa.bindparam("digest"))
)
_TEMPLATE = Statement(
    lambda _: (
        sa.select(templates.c.body, templates.c.digest, templates.c.version, deployments.c.inputs)
        .join(deployments, deployments.c.template_id == templates.c.id)
        .where(deployments.c.id == sa.bindparam("deployment"))
    )
)
