"""Approvals that executions wait for: listing them, the token that entitles, and deciding, once.

Rule: of all decisions and the deadline exactly one is stored, and nothing is taken after the deadline."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import Json, JsonObject
from caseway.model.errors import CasewayError
from caseway.platform import credentials
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.references import References, masked
from caseway.platform.sleeping import wake
from caseway.platform.tables import approvals, executions, instant
from caseway.platform.trail import the_execution

PREFIX = "cwa_"
STATES = ("pending", "approved", "rejected", "expired")


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """One approval. `status` is pending, approved, rejected or expired (the deadline decided)."""

    id: str
    status: str
    execution: str
    instance: str
    workflow: str
    task: str
    title: str
    message: str
    data: Any
    approvers: tuple[str, ...]
    schema: Any
    requested_at: str
    deadline: str
    decided_at: str
    decided_by: str
    decision_data: Any
    comment: str

    def as_json(self) -> JsonObject:
        """The view as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody decides. `task` is the reference or position of the asking task, needed when an execution
    asks several things; `token` entitles whoever has it."""

    is_approved: bool
    data: Json = None
    comment: str = ""
    task: str = ""
    token: str = ""


def list_approvals(
    platform: Platform, organization: str, *, execution: str = "", instance: str = "", status: str = "pending"
) -> list[ApprovalView]:
    """Approvals of an organization, the oldest first; `status` "" is all of them."""
    query = _joined().where(approvals.c.organization == organization)
    if execution:
        query = query.where(approvals.c.execution_id == execution)
    if instance:
        query = query.where(executions.c.instance == instance)
    with platform.database.reading() as connection:
        rows = connection.execute(query.order_by(approvals.c.requested_at, approvals.c.id)).all()
    views = [_view(row, platform.clock()) for row in rows]
    return [view for view in views if status in {"", view.status}]


def token_of(platform: Platform, approval_id: str, *, organization: str = "", execution: str = "") -> str:
    """The token that entitles to decide it, for whoever passes it on. Raises `CasewayError` (`not-found`)."""
    with platform.database.reading() as connection:
        row = _one(connection, approval_id)
    if row.organization != (organization or row.organization) or execution not in {"", row.execution_id}:
        raise _unknown(approval_id)
    return signed(platform, row)


def signed(platform: Platform, row: Row) -> str:
    """The token of an approval: its id and a signature of what it is about."""
    return f"{PREFIX}{row.id}.{platform.keyring().sign(_text(row))}"


def by_token(platform: Platform, token: str) -> ApprovalView:
    """The approval that a token is about. Raises `CasewayError` (`approval-token`)."""
    with platform.database.reading() as connection:
        row = _of_token(connection, platform, token)
        joined = connection.execute(_joined().where(approvals.c.id == row.id)).one()
    return _view(joined, platform.clock())


def decide(
    platform: Platform, organization: str, execution_id: str, verdict: Verdict, *, actor: str
) -> ApprovalView:
    """Decide what an execution asks, and let it go on. `organization` "" is for who has a token only.

    Raises `CasewayError`: `not-found`, `which-approval`, `approval-token`, `approval-decided`,
    `approval-expired`, `approval-ended`, `not-an-approver`, `approval-data`."""
    now = platform.clock()
    with platform.database.writing() as connection:
        row = _asked(connection, platform, execution_id, verdict)
        if organization and row.organization != organization:
            raise _unknown(execution_id)
        execution = the_execution(connection, row.execution_id)
        _refuse_closed(row, execution, now)
        if not verdict.token:
            _refuse_stranger(row, actor)
        if verdict.is_approved:
            _refuse_unfit(row, verdict.data)
        known = credentials.values_within(connection, platform, execution.instance_id)
        word = "approved" if verdict.is_approved else "rejected"
        written = connection.execute(
            sa.update(approvals)
            .where(approvals.c.id == row.id, approvals.c.decision == "")
            .values(
                decision=word,
                decision_data=References(known.items()).hide(verdict.data),
                decided_at=now,
                decided_by=actor,
                comment=verdict.comment[:4000],
            )
        )
        if written.rowcount != 1:
            raise _decided(row)
        wake(connection, row.execution_id)
        subject = (word, "approval", row.id)
        after = {"execution": row.execution_id, "task": row.reference, "comment": verdict.comment[:4000]}
        note(connection, By(row.organization, actor, now), subject, after=after)
        return _view(connection.execute(_joined().where(approvals.c.id == row.id)).one(), now)


def _asked(connection: sa.Connection, platform: Platform, execution_id: str, verdict: Verdict) -> Row:
    """The approval that is meant."""
    if verdict.token:
        row = _of_token(connection, platform, verdict.token)
        if execution_id and row.execution_id != execution_id:
            raise _bad_token()
        return row
    query = sa.select(approvals).where(approvals.c.execution_id == execution_id)
    rows = connection.execute(query.order_by(approvals.c.requested_at)).all()
    meant = [row for row in rows if verdict.task in {"", row.reference, row.position}]
    waiting = [row for row in meant if row.decision == ""]
    if len(waiting) > 1:
        raise CasewayError(
            f"execution {execution_id} asks {len(waiting)} things",
            code="which-approval",
            place=execution_id,
            hint="name the task: " + ", ".join(sorted({row.position for row in waiting})),
        )
    if waiting or meant:
        return (waiting or meant)[-1]
    the_execution(connection, execution_id)
    raise CasewayError(
        f"execution {execution_id} asks nothing" + (f" at {verdict.task}" if verdict.task else ""),
        code="not-found",
        place=execution_id,
        hint="see `caseway executions approvals`",
    )


def _of_token(connection: sa.Connection, platform: Platform, token: str) -> Row:
    approval_id, _, signature = token.removeprefix(PREFIX).partition(".")
    row = connection.execute(sa.select(approvals).where(approvals.c.id == approval_id)).one_or_none()
    # Signed or not, a signature is computed: whether the approval exists does not show in the time it takes.
    text = f"no such approval {approval_id}" if row is None else _text(row)
    is_signed = platform.keyring().is_signed(text, signature)
    if row is None or not is_signed or not token.startswith(PREFIX):
        raise _bad_token()
    return row


def _text(row: Row) -> str:
    """What a token's signature covers."""
    deadline = instant(row.deadline) if row.deadline else ""
    return "\n".join(("approval", row.id, row.execution_id, row.key, deadline))


def _refuse_closed(row: Row, execution: Row, now: datetime) -> None:
    if row.decision != "":
        raise _decided(row)
    if row.deadline is not None and now >= row.deadline:
        raise CasewayError(
            f"the time to decide {row.title!r} ended at {instant(row.deadline)}",
            code="approval-expired",
            place=row.execution_id,
            hint="what happens then is the workflow's to say, by `onTimeout`",
        )
    if execution.ended_at is not None:
        raise CasewayError(
            f"execution {row.execution_id} is {execution.status}: there is nothing to decide any more",
            code="approval-ended",
            place=row.execution_id,
        )


def _refuse_stranger(row: Row, actor: str) -> None:
    if row.approvers and actor not in row.approvers:
        raise CasewayError(
            f"{row.title!r} is not {actor}'s to decide",
            code="not-an-approver",
            place=row.execution_id,
            hint=f"it is for {', '.join(row.approvers)}, or for whoever has its token",
        )


def _refuse_unfit(row: Row, data: Json) -> None:
    if row.schema is None:
        return
    import jsonschema_rs  # noqa: PLC0415 - only decisions with a schema need it

    found = [str(error.message) for error in jsonschema_rs.validator_for(row.schema).iter_errors(data)]
    if found:
        raise CasewayError(
            f"the data does not fit what {row.title!r} asks for: {'; '.join(found[:5])}",
            code="approval-data",
            place=row.execution_id,
            hint="see its schema with `caseway executions approvals --format json`",
        )


def _decided(row: Row) -> CasewayError:
    who = f" by {row.decided_by}" if row.decided_by else ""
    return CasewayError(
        f"{row.title!r} was decided already{who}", code="approval-decided", place=row.execution_id
    )


def _bad_token() -> CasewayError:
    return CasewayError("this token entitles to nothing here", code="approval-token")


def _unknown(name: str) -> CasewayError:
    return CasewayError(
        f"there is no approval {name!r}",
        code="not-found",
        place=name,
        hint="see `caseway executions approvals`",
    )


def _one(connection: sa.Connection, approval_id: str) -> Row:
    row = connection.execute(sa.select(approvals).where(approvals.c.id == approval_id)).one_or_none()
    if row is None:
        raise _unknown(approval_id)
    return row


def _joined() -> sa.Select[Any]:
    about = (executions.c.instance, executions.c.workflow)
    return sa.select(approvals, *about).join(executions, executions.c.id == approvals.c.execution_id)


def _view(row: Row, now: datetime) -> ApprovalView:
    is_over = row.is_late or (row.decision == "" and row.deadline is not None and now >= row.deadline)
    return ApprovalView(
        id=row.id,
        status="expired" if is_over else row.decision or "pending",
        execution=row.execution_id,
        instance=row.instance,
        workflow=row.workflow,
        task=row.reference,
        title=row.title,
        message=row.message,
        data=masked(row.data),
        approvers=tuple(row.approvers),
        schema=row.schema,
        requested_at=instant(row.requested_at),
        deadline=instant(row.deadline) if row.deadline else "",
        decided_at=instant(row.decided_at) if row.decided_at else "",
        decided_by=row.decided_by,
        decision_data=masked(row.decision_data),
        comment=row.comment,
    )
