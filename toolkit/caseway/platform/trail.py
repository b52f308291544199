"""What executions leave behind, to be looked at: their records, paged and filtered, and their task trees."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from caseway.model.access import Caller
from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.model.states import ExecutionStatus
from caseway.platform import aside, prepared
from caseway.platform.access.grants import visible_executions
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.references import masked
from caseway.platform.statements import Raw, raw
from caseway.platform.tables import executions, instant, moment
from caseway.platform.tables import tasks as task_table
from caseway.platform.tables.types import to_text
from caseway.platform.task_inputs import Inputs, resolved

if TYPE_CHECKING:
    from caseway_runner import Entry, TaskRecord


@dataclass(frozen=True, slots=True)
class ExecutionView:
    """One execution. Times are RFC 3339 or "", `seconds` from start to end (or None)."""

    id: str
    status: str
    reason: str
    trigger: str
    trigger_id: str
    process: str
    instance: str
    stage: str
    workflow: str
    version: str
    template_digest: str
    deployment_id: str
    actor: str
    input: Any
    result: Any = field(metadata={"json": "output"})  # what a workflow gives is its output
    error: Any
    failed_task: str
    created_at: str
    started_at: str
    ended_at: str
    seconds: float | None
    retry_of: str
    dispatches: int
    worker: str
    cancel_requested: bool

    def as_json(self) -> JsonObject:
        """The view as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TaskView:
    """One activation of a task; `depth` counts from 0, in the order of the tree."""

    position: str
    parent: str
    depth: int
    reference: str
    name: str
    kind: str
    status: str
    reason: str
    started_at: str
    ended_at: str
    attempts: int
    output: Any
    error: Any
    input: Any  # the transformed one

    def as_json(self) -> JsonObject:
        """The view as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Page:
    """Some executions, newest first; `next_cursor` is "" at the end."""

    items: tuple[ExecutionView, ...]
    next_cursor: str


def unknown(execution_id: str) -> CasewayError:
    """The error for an id that nothing has."""
    return CasewayError(
        f"there is no execution {execution_id!r}",
        code="not-found",
        place=execution_id,
        hint="see `caseway executions list`",
    )


def the_execution(connection: sa.Connection, execution_id: str) -> Row:
    """The row of an execution; raises `CasewayError` (`not-found`)."""
    row = connection.execute(sa.select(executions).where(executions.c.id == execution_id)).one_or_none()
    if row is None:
        raise unknown(execution_id)
    return row


def get_execution(platform: Platform, execution_id: str, *, organization: str = "") -> ExecutionView:
    """One execution, of `organization` when it is given; raises `CasewayError` (`not-found`)."""
    with platform.database.reading() as connection:
        row = the_execution(connection, execution_id)
        result = aside.result_of(connection, execution_id, row.result)
    if organization and row.organization != organization:
        raise unknown(execution_id)
    return replace(_view(row), result=result)


def list_executions(  # noqa: PLR0913 - one keyword per thing one can filter by
    platform: Platform,
    organization: str,
    *,
    instance: str = "",
    process: str = "",
    stage: str = "",
    workflow: str = "",
    status: str = "",
    trigger: str = "",
    version: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 50,
    cursor: str = "",
    caller: Caller | None = None,
) -> Page:
    """Executions that fit every filter given, newest first; for a `caller` those they may see. Raises
    `CasewayError` (`cursor`)."""
    query = sa.select(executions).where(executions.c.organization == organization)
    if caller is not None:
        query = query.where(visible_executions(caller))
    wanted = {"instance": instance, "process": process, "stage": stage, "workflow": workflow}
    wanted |= {"status": status, "trigger": trigger, "version": version}
    for name, value in wanted.items():
        if value:
            query = query.where(executions.c[name] == value)
    if since is not None:
        query = query.where(executions.c.created_at >= since)
    if until is not None:
        query = query.where(executions.c.created_at < until)
    if cursor:
        at, last = _position(cursor)
        is_older = sa.or_(
            executions.c.created_at < at,
            sa.and_(executions.c.created_at == at, executions.c.id < last),
        )
        query = query.where(executions.c.created_at <= at, is_older)  # the first bounds the search
    query = query.order_by(executions.c.created_at.desc(), executions.c.id.desc()).limit(limit + 1)
    with platform.database.reading() as connection:
        rows = connection.execute(query).all()
    more = len(rows) > limit
    shown = rows[:limit]
    return Page(tuple(map(_view, shown)), _cursor(shown[-1]) if more and shown else "")


def tasks(platform: Platform, execution_id: str) -> list[TaskView]:
    """Its tasks as a tree, parents before children, siblings in the order they started."""
    query = sa.select(task_table).where(task_table.c.execution_id == execution_id)
    with platform.database.reading() as connection:
        rows = connection.execute(query.order_by(task_table.c.number)).all()
    inputs = resolved({row.position: row for row in rows})
    children: dict[str, list[Row]] = {}
    known = {row.position for row in rows}
    for row in rows:
        children.setdefault(row.parent if row.parent in known else "", []).append(row)
    pending = [(row, 0) for row in reversed(children.get("", []))]
    ordered = []
    while pending:
        row, depth = pending.pop()
        ordered.append(_task(row, depth, inputs[row.position]))
        pending.extend((child, depth + 1) for child in reversed(children.get(row.position, [])))
    return ordered


def next_numbers(connection: Raw, execution_id: str) -> tuple[int, int]:
    """The numbers of its next journal entry and task record."""
    entry, task = prepared.last_numbers(connection, execution_id)
    return entry + 1, task + 1


def entry_rows(execution_id: str, entries: Iterable[Entry], first: int) -> list[dict[str, Any]]:
    """Journal entries as rows of the table, numbered from `first`."""
    return [
        {
            "execution_id": execution_id,
            "number": first + offset,
            "position": entry.position,
            "kind": entry.kind,
            "at": entry.at,
            "data": None if entry.data is None else entry.text(),
        }
        for offset, entry in enumerate(entries)
    ]


def task_rows(execution_id: str, records: Iterable[TaskRecord], first: int) -> list[dict[str, Any]]:
    """Task records as rows of the table, numbered from `first`; the last of each position."""
    latest = {item.position or item.reference: item for item in records}
    inputs = Inputs()
    return [
        {
            "execution_id": execution_id,
            "position": position,
            "number": first + offset,
            **_values(item),
            "input": inputs.taken(position, item),
        }
        for offset, (position, item) in enumerate(latest.items())
    ]


def close(connection: sa.Connection, execution_id: str, status: ExecutionStatus, now: datetime) -> None:
    """End the tasks that were still open when their execution ended."""
    prepared.close_tasks(raw(connection), [closing(execution_id, status, now)])


def closing(execution_id: str, status: str, now: datetime) -> dict[str, Any]:
    """What `close` changes, as a row of parameters."""
    after = ExecutionStatus.FAULTED if status == ExecutionStatus.FAULTED else ExecutionStatus.CANCELLED
    return {"ended": execution_id, "as": after.value, "at": instant(now)}


def _values(item: TaskRecord) -> dict[str, Any]:
    return {
        "parent": item.parent,
        "reference": item.reference,
        "name": item.name,
        "kind": item.kind,
        "status": item.status.value,
        "reason": item.reason,
        "started_at": item.started_at,
        "ended_at": item.ended_at,
        "attempts": item.attempts,
        "output": None if item.output is None else to_text(item.output),
        "error": None if item.error is None else to_text(dict(item.error.as_json())),
    }


def _view(row: Row) -> ExecutionView:
    both = row.started_at is not None and row.ended_at is not None
    same: tuple[str, ...] = (
        "id",
        "status",
        "reason",
        "trigger",
        "trigger_id",
        "process",
        "instance",
        "stage",
    )
    same += ("workflow", "version", "template_digest", "deployment_id", "actor", "result")
    same += ("error", "failed_task", "retry_of", "dispatches", "cancel_requested")
    return ExecutionView(
        **{name: getattr(row, name) for name in same},
        input=masked(row.input),
        created_at=instant(row.created_at),
        started_at=instant(row.started_at) if row.started_at else "",
        ended_at=instant(row.ended_at) if row.ended_at else "",
        seconds=(row.ended_at - row.started_at).total_seconds() if both else None,
        worker=row.claimed_by,
    )


def _task(row: Row, depth: int, taken: Any) -> TaskView:
    same: Sequence[str] = ("position", "parent", "reference", "name", "kind", "status", "reason")
    same = (*same, "started_at", "ended_at", "attempts", "output", "error")
    return TaskView(**{name: getattr(row, name) for name in same}, depth=depth, input=taken)


def _cursor(row: Row) -> str:
    return base64.urlsafe_b64encode(f"{instant(row.created_at)} {row.id}".encode()).decode("ascii")


def _position(cursor: str) -> tuple[datetime, str]:
    try:
        at, _, last = base64.urlsafe_b64decode(cursor).decode("utf-8").partition(" ")
        return moment(at), last
    except (ValueError, binascii.Error) as error:
        raise CasewayError(
            "the cursor cannot be read", code="cursor", hint="use `next_cursor` of the page before"
        ) from error
