"""Running an execution again: whole, from a task, with another input, with outputs pinned, or in part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from caseway.model.access import Permission
from caseway.operations.fields import About, ExecutionId
from caseway.operations.operation import PREFIX, Operating, Operation
from caseway.platform import executions
from caseway.platform.executions import ExecutionView


@dataclass(frozen=True, slots=True)
class RunAgain:
    """What is to be different: the first task that is done anew (what ended before it is taken as it was),
    the input (`null`: the same), outputs that stand for tasks, the task after which it ends."""

    id: ExecutionId
    origin: Annotated[str, About("The first task done anew.", example="/do/2/notify")] = ""
    until: Annotated[str, About("The task after which it ends.", example="/do/3/check")] = ""
    pins: Annotated[dict[str, Any], About("Outputs by task.", example={"/do/0/fetch": {"n": 1}})] = field(
        default_factory=dict
    )
    input: Any = None


def run_again(operating: Operating, asked: RunAgain) -> ExecutionView:
    """A new execution, pending."""
    again = executions.Again(asked.origin, asked.until, asked.pins, asked.input, asked.input is not None)
    new_id = executions.rerun(
        operating.platform, asked.id, again, actor=operating.actor, organization=operating.organization
    )
    return executions.get_execution(operating.platform, new_id, organization=operating.organization)


OPERATIONS = (
    Operation(
        name="executions.rerun",
        method="POST",
        path=PREFIX + "/executions/{id}/rerun",
        permission=Permission.OPERATE,
        summary="Run an execution again: whole, from a task, with another input, pinned outputs, or in part",
        request=RunAgain,
        response=ExecutionView,
        run=run_again,
        about="execution",
        by="id",
        status=201,
    ),
)
