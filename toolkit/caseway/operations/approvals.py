"""Approvals: what waits for a person, and deciding it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from caseway.model.access import Permission
from caseway.operations.fields import About, Cursor, ExecutionId, Limit
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.operations.paging import page_of
from caseway.platform import approvals
from caseway.platform.access import guard
from caseway.platform.approvals import ApprovalView, Verdict

Approve = Annotated[bool, About("Whether it is approved; else it is rejected.", example=True)]
Data = Annotated[Any, About("Data for the workflow, as the approval's schema has it.", example={"limit": 5})]
Comment = Annotated[str, About("A word on why.", example="within budget", longest=4000)]
Task = Annotated[
    str, About("The task that asks, when several do.", example="/do/2/release", longest=2000, pattern="")
]
Token = Annotated[
    str, About("The token that entitles.", example="cwa_1f2e.9cT…", longest=500, is_secret=True)
]


@dataclass(frozen=True, slots=True)
class ListApprovals:
    """Which approvals: those that fit every filter given. `status` "all" is any."""

    execution: str = ""
    instance: str = ""
    status: str = "pending"
    limit: Limit = 100
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class Decide:
    """The decision of what an execution asks."""

    id: ExecutionId
    approve: Approve
    data: Data = None
    comment: Comment = ""
    task: Task = ""


@dataclass(frozen=True, slots=True)
class Redeem:
    """The decision of somebody who has a token, and needs nothing else."""

    token: Token
    approve: Approve
    data: Data = None
    comment: Comment = ""


@dataclass(frozen=True, slots=True)
class OneApproval:
    """Which approval of which execution."""

    execution: ExecutionId
    id: Annotated[str, About("The approval's id.", example="5f0d3c6b9a1e4f7788c2d0aa", longest=100)]


@dataclass(frozen=True, slots=True)
class ApprovalToken:
    """A token that entitles to one decision, until the deadline."""

    id: str
    token: Token


def list_approvals(operating: Operating, asked: ListApprovals) -> Page:
    """Approvals of executions that the caller may see, the oldest first."""
    found = approvals.list_approvals(
        operating.platform,
        operating.organization,
        execution=asked.execution,
        instance=asked.instance,
        status="" if asked.status == "all" else asked.status,
    )
    shown = [view for view in found if _may(operating, Permission.VIEW, view.execution)]
    return page_of(shown, lambda view: (view.requested_at, view.id), asked.cursor, asked.limit)


def decide(operating: Operating, asked: Decide) -> ApprovalView:
    """A decision by one of the approvers, or by who may steer the execution where it names none."""
    if not _is_approver(operating, asked):
        subject = guard.subject_of_execution(operating.platform, operating.caller, asked.id)
        if subject is not None:
            guard.require(operating.caller, Permission.OPERATE, subject)
    verdict = Verdict(asked.approve, asked.data, asked.comment, asked.task)
    return approvals.decide(
        operating.platform, operating.organization, asked.id, verdict, actor=operating.actor
    )


def redeem(operating: Operating, asked: Redeem) -> ApprovalView:
    """A decision by whoever has the token."""
    verdict = Verdict(asked.approve, asked.data, asked.comment, token=asked.token)
    actor = operating.caller.name or "a token's bearer"
    return approvals.decide(operating.platform, "", "", verdict, actor=actor)


def token(operating: Operating, asked: OneApproval) -> ApprovalToken:
    """The token, for whoever passes it on."""
    made = approvals.token_of(
        operating.platform, asked.id, organization=operating.organization, execution=asked.execution
    )
    return ApprovalToken(asked.id, made)


def _is_approver(operating: Operating, asked: Decide) -> bool:
    found = approvals.list_approvals(operating.platform, operating.organization, execution=asked.id)
    meant = [view for view in found if asked.task in {"", view.task}]
    return bool(meant) and all(operating.actor in view.approvers for view in meant)


def _may(operating: Operating, permission: Permission, execution_id: str) -> bool:
    if operating.caller.kind == "local":
        return True
    subject = guard.subject_of_execution(operating.platform, operating.caller, execution_id)
    return subject is not None and guard.is_allowed(operating.caller, permission, subject)


OPERATIONS = (
    Operation(
        name="approvals.list",
        method="GET",
        path=PREFIX + "/approvals",
        permission=Permission.VIEW,
        summary="List what waits for a person's decision, the oldest first",
        request=ListApprovals,
        response=ApprovalView,
        run=list_approvals,
        answer=Answer.LIST,
    ),
    Operation(
        name="approvals.decide",
        method="POST",
        path=PREFIX + "/executions/{id}/decision",
        permission=Permission.VIEW,
        summary="Approve or reject what an execution asks",
        description="Named approvers may; where none are named, who may operate the instance.",
        request=Decide,
        response=ApprovalView,
        run=decide,
        about="execution",
        by="id",
    ),
    Operation(
        name="approvals.redeem",
        method="POST",
        path=PREFIX + "/approvals/decision",
        permission=Permission.SIGN_IN,
        summary="Approve or reject with a token; whoever has it may, once",
        request=Redeem,
        response=ApprovalView,
        run=redeem,
    ),
    Operation(
        name="approvals.token",
        method="GET",
        path=PREFIX + "/executions/{execution}/approvals/{id}/token",
        permission=Permission.OPERATE,
        summary="The token that entitles to decide an approval, to be passed on",
        request=OneApproval,
        response=ApprovalToken,
        run=token,
        about="execution",
        by="execution",
        is_secret=True,
    ),
)
