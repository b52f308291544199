"""Executions: starting them, looking at them, following and steering them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any

from caseway.model.access import Permission
from caseway.model.errors import CasewayError
from caseway.operations import rerunning
from caseway.operations.fields import About, Cursor, ExecutionId, Limit, Moment, Name
from caseway.operations.following import following
from caseway.operations.operation import PREFIX, Answer, Follow, Operating, Operation, Page
from caseway.platform import executions
from caseway.platform.executions import ExecutionView, TaskView, WaitingView
from caseway.platform.tables.types import moment
from caseway.platform.triggers.repeated import refuse_another_start
from caseway.platform.views import get_instance

_FILTERS = ("instance", "process", "stage", "workflow", "status", "trigger", "version", "limit", "cursor")


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
class CreateExecution:
    """What to run: a workflow of an instance (empty: the only one with a manual trigger), with which input.

    `run_now` runs a scheduled workflow as its schedule would. The same `idempotency_key` starts only one, and
    is refused for another input."""

    instance: Name
    workflow: Annotated[str, About("The workflow's id.", example="send-invoice", longest=200)] = ""
    input: Annotated[Any, About("Its input.", example={"invoice": "2026-0042"})] = None
    trigger_id: Annotated[str, About("As if this trigger had fired.", longest=200)] = ""
    run_now: bool = False
    idempotency_key: Annotated[str, About("One execution for each.", example="order-42", longest=200)] = ""


@dataclass(frozen=True, slots=True)
class ExecutionDetail(ExecutionView):
    """An execution with what it waits for and its tasks, parents before children."""

    waiting: WaitingView | None = field(default=None, metadata={"optional": True})
    tasks: tuple[TaskView, ...] = ()


def _list(operating: Operating, asked: ListExecutions) -> Page:
    page = executions.list_executions(
        operating.platform,
        operating.organization,
        **{name: getattr(asked, name) for name in _FILTERS},
        since=moment(asked.since) if asked.since else None,
        until=moment(asked.until) if asked.until else None,
        caller=operating.caller,
    )
    return Page(page.items, page.next_cursor)


def _get(operating: Operating, asked: OneExecution) -> ExecutionDetail:
    platform = operating.platform
    view = _own(operating, asked.id)
    same: dict[str, Any] = {item.name: getattr(view, item.name) for item in fields(view)}
    return ExecutionDetail(
        **same,
        waiting=executions.waiting_of(platform, asked.id),
        tasks=tuple(executions.tasks(platform, asked.id)),
    )


def _create(operating: Operating, asked: CreateExecution) -> ExecutionView:
    platform = operating.platform
    new = executions.NewExecution(
        organization=operating.organization,
        instance=asked.instance,
        workflow=asked.workflow,
        actor=operating.actor,
        idempotency_key=asked.idempotency_key,
    )
    if asked.run_now:
        new = replace(new, trigger="schedule")
    else:
        workflow = asked.workflow or _only_workflow(operating, asked.instance)
        new = replace(
            new, workflow=workflow, input=asked.input, trigger="manual", trigger_id=asked.trigger_id
        )
    made = executions.create(platform, new)
    if new.idempotency_key:
        refuse_another_start(platform, new, made)
    return executions.get_execution(platform, made)


def _only_workflow(operating: Operating, instance: str) -> str:
    """The one workflow that can be meant; "" leaves it to the platform to say that there is none."""
    view = get_instance(operating.platform, operating.organization, instance)
    startable = [
        item.id
        for item in view.workflows
        if any(trigger.get("type") == "manual" for trigger in item.triggers)
    ]
    if len(startable) > 1:
        raise CasewayError(
            f"which workflow of {instance}?",
            code="which-workflow",
            place=instance,
            hint=f"name one of: {', '.join(startable)}",
        )
    return startable[0] if startable else ""


def _steering(act: Callable[..., str]) -> Callable[[Operating, OneExecution], ExecutionView]:
    """Do it to an execution of the organization, and show how the execution stands."""

    def steer(operating: Operating, asked: OneExecution) -> ExecutionView:
        _own(operating, asked.id)
        act(operating.platform, asked.id, actor=operating.actor)
        return executions.get_execution(operating.platform, asked.id)

    return steer


def _retry(operating: Operating, asked: OneExecution) -> ExecutionView:
    _own(operating, asked.id)
    made = executions.retry(operating.platform, asked.id, actor=operating.actor)
    return executions.get_execution(operating.platform, made)


def _follow(operating: Operating, asked: OneExecution) -> Follow:
    _own(operating, asked.id)
    return following(operating.platform, asked.id, operating.organization)


def _own(operating: Operating, execution_id: str) -> ExecutionView:
    return executions.get_execution(operating.platform, execution_id, organization=operating.organization)


_ALL = PREFIX + "/executions"
_ONE = _ALL + "/{id}"


def _acting(
    verb: str, permission: Permission, summary: str, run: Callable[..., object], status: int = 200
) -> Operation:
    return Operation(
        f"executions.{verb}",
        "POST",
        f"{_ONE}/{verb}",
        permission,
        summary,
        OneExecution,
        ExecutionView,
        run,
        about="execution",
        by="id",
        status=status,
    )


OPERATIONS = (
    Operation(
        "executions.list",
        "GET",
        _ALL,
        Permission.VIEW,
        "List executions, newest first",
        ListExecutions,
        ExecutionView,
        _list,
        answer=Answer.LIST,
    ),
    Operation(
        "executions.create",
        "POST",
        PREFIX + "/instances/{instance}/executions",
        Permission.TRIGGER,
        "Start an execution; a worker runs it",
        CreateExecution,
        ExecutionView,
        _create,
        about="instance",
        by="instance",
        status=201,
    ),
    Operation(
        "executions.get",
        "GET",
        _ONE,
        Permission.VIEW,
        "Show one execution with its task tree",
        OneExecution,
        ExecutionDetail,
        _get,
        about="execution",
        by="id",
    ),
    Operation(
        "executions.follow",
        "GET",
        _ONE + "/events",
        Permission.VIEW,
        "Follow an execution: its tasks and its status, until it ends",
        OneExecution,
        TaskView,
        _follow,
        answer=Answer.STREAM,
        about="execution",
        by="id",
    ),
    _acting("cancel", Permission.OPERATE, "Stop an execution", _steering(executions.cancel)),
    _acting(
        "suspend", Permission.OPERATE, "Halt an execution until it is resumed", _steering(executions.suspend)
    ),
    _acting("resume", Permission.OPERATE, "Go on from the journal", _steering(executions.resume)),
    _acting("retry", Permission.OPERATE, "Start anew with the same input", _retry, 201),
    *rerunning.OPERATIONS,
)
