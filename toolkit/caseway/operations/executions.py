"""Executions: looking at them and steering them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from caseway.model.access import Permission
from caseway.operations.fields import Cursor, ExecutionId, Limit, Moment
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.platform import executions
from caseway.platform.executions import ExecutionView, TaskView, WaitingView
from caseway.platform.tables.types import moment


@dataclass(frozen=True, slots=True)
class ListExecutions:
    """Which executions: those that fit every filter given."""

    instance: str = ""
    process: str = ""
    stage: str = ""
    workflow: str = ""
    status: str = ""
    trigger: str = ""
    version: str = ""
    since: Moment = ""
    until: Moment = ""
    limit: Limit = 50
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class OneExecution:
    """Which execution."""

    id: ExecutionId


@dataclass(frozen=True, slots=True)
class ExecutionDetail(ExecutionView):
    """An execution with what it waits for and its tasks, parents before children."""

    waiting: WaitingView | None = field(default=None, metadata={"optional": True})
    tasks: tuple[TaskView, ...] = ()


def list_executions(operating: Operating, asked: ListExecutions) -> Page:
    """Executions, newest first."""
    names = ("instance", "process", "stage", "workflow", "status", "trigger", "version", "limit", "cursor")
    page = executions.list_executions(
        operating.platform,
        operating.organization,
        **{name: getattr(asked, name) for name in names},
        since=moment(asked.since) if asked.since else None,
        until=moment(asked.until) if asked.until else None,
        caller=operating.caller,
    )
    return Page(page.items, page.next_cursor)


def get_execution(operating: Operating, asked: OneExecution) -> ExecutionDetail:
    """One execution with its task tree."""
    platform = operating.platform
    view = executions.get_execution(platform, asked.id, organization=operating.organization)
    same: dict[str, Any] = {item.name: getattr(view, item.name) for item in fields(view)}
    return ExecutionDetail(
        **same,
        waiting=executions.waiting_of(platform, asked.id),
        tasks=tuple(executions.tasks(platform, asked.id)),
    )


_ONE = PREFIX + "/executions/{id}"

OPERATIONS = (
    Operation(
        name="executions.list",
        method="GET",
        path=PREFIX + "/executions",
        permission=Permission.VIEW,
        summary="List executions, newest first",
        request=ListExecutions,
        response=ExecutionView,
        run=list_executions,
        answer=Answer.LIST,
    ),
    Operation(
        name="executions.get",
        method="GET",
        path=_ONE,
        permission=Permission.VIEW,
        summary="Show one execution with its task tree",
        request=OneExecution,
        response=ExecutionDetail,
        run=get_execution,
        about="execution",
        by="id",
    ),
)
