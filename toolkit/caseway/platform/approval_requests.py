"""What executions ask of people, as the execution sees it: a request kept once, its decision, its deadline.

Rule: a request with a known key changes nothing, so that asking again after a crash asks once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.tables import approvals, executions, instant

if TYPE_CHECKING:
    from caseway_runner import ApprovalRequest, Decision


def keep(platform: Platform, organization: str, asked: ApprovalRequest) -> tuple[Row, bool]:
    """The request's row, and whether it is new."""
    with platform.database.writing() as connection:
        known = _of_key(connection, asked.key)
        if known is not None:
            return known, False
        connection.execute(
            sa.insert(approvals).values(
                id=platform.ids(),
                key=asked.key,
                organization=organization,
                execution_id=asked.execution,
                position=asked.position,
                reference=asked.reference,
                title=asked.title[:500],
                message=asked.message[:10_000],
                data=asked.data,
                approvers=list(asked.approvers),
                schema=asked.schema,
                requested_at=platform.clock(),
                deadline=asked.deadline,
                decision="",
                decided_by="",
                comment="",
                is_late=False,
                is_taken=False,
            )
        )
        return _the_row(connection, asked.key), True


def decision_of(platform: Platform, key: str) -> Decision | None:
    """The decision, from now on known to the execution; None while there is none."""
    with platform.database.reading() as connection:
        row = _of_key(connection, key)
    if row is None or row.decision == "":
        return None
    if not row.is_taken:
        with platform.database.writing() as connection:
            connection.execute(sa.update(approvals).where(approvals.c.key == key).values(is_taken=True))
    return _decision(row)


def is_decided(platform: Platform, key: str) -> bool:
    """Whether there is a decision; nothing is written."""
    query = sa.select(approvals.c.decision).where(approvals.c.key == key)
    with platform.database.reading() as connection:
        return bool(connection.scalar(query))


def expire(platform: Platform, key: str, late: Decision, at: datetime) -> Decision:
    """Close the request with `late`, unless somebody decided before; the decision that counts."""
    with platform.database.writing() as connection:
        connection.execute(
            sa.update(approvals)
            .where(approvals.c.key == key, approvals.c.decision == "")
            .values(
                decision="approved" if late.is_approved else "rejected",
                decision_data=late.data,
                decided_at=at,
                decided_by=late.by,
                is_late=True,
            )
        )
        connection.execute(sa.update(approvals).where(approvals.c.key == key).values(is_taken=True))
        return _decision(_the_row(connection, key))


def undelivered() -> sa.Select[tuple[str]]:
    """The executions with a decision that they have not seen."""
    return (
        sa.select(approvals.c.execution_id)
        .join(executions, executions.c.id == approvals.c.execution_id)
        .where(approvals.c.is_taken.is_(False), approvals.c.decision != "")
    )


def _of_key(connection: sa.Connection, key: str) -> Row | None:
    return connection.execute(sa.select(approvals).where(approvals.c.key == key)).one_or_none()


def _the_row(connection: sa.Connection, key: str) -> Row:
    return connection.execute(sa.select(approvals).where(approvals.c.key == key)).one()


def _decision(row: Row) -> Decision:
    from caseway_runner import Decision  # noqa: PLC0415 - listing approvals needs no runner

    return Decision(
        row.decision == "approved",
        row.decision_data,
        row.decided_by,
        instant(row.decided_at),
        row.comment,
        row.is_late,
    )
