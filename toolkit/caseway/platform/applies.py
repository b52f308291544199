"""Records of applies: who carries one out, what happened so far, how it ended.

Rule: a record is claimed by one process at a time; one whose process went away may be claimed by another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.platform.bundle import Platform
from caseway.platform.lease import is_dead
from caseway.platform.lookup import Row
from caseway.platform.tables import applies, apply_events, instant

CLAIM = timedelta(seconds=30)
OPEN = ("pending", "running")
KEPT = timedelta(days=90)  # as long as telemetry: what changed, and by whom, stays in the audit log
BATCH = 500


@dataclass(frozen=True, slots=True)
class ApplyRecord:
    """One apply. `status` is pending, running, done or failed; `report` is there once it is done, `error`
    when it could not be carried out; `holder` the process that does it."""

    id: str
    plan_id: str
    project: str
    actor: str
    status: str
    holder: str
    report: Any
    error: Any
    created_at: str
    ended_at: str


def create(
    platform: Platform, organization: str, apply_id: str, plan: tuple[str, str], *, actor: str
) -> ApplyRecord:
    """A record for `plan` (its id and project), or the one of that id. Raises `apply-id-taken`."""
    values = {
        "plan_id": plan[0],
        "project": plan[1],
        "actor": actor,
        "status": "pending",
        "holder": "",
        "created_at": platform.clock(),
    }
    try:
        with platform.database.writing() as connection:
            row = _find(connection, organization, apply_id)
            if row is None:
                connection.execute(
                    sa.insert(applies).values(organization=organization, id=apply_id, **values)
                )
    except sa.exc.IntegrityError:  # the same id arrived twice at once
        row = None
    found = get(platform, organization, apply_id)
    if found.plan_id != plan[0]:
        raise CasewayError(
            f"the apply {apply_id} is of another plan",
            code="apply-id-taken",
            place=apply_id,
            hint="take a new id for a new apply",
        )
    return found


def get(platform: Platform, organization: str, apply_id: str) -> ApplyRecord:
    """The record of that id; raises `CasewayError` (`not-found`)."""
    with platform.database.reading() as connection:
        row = _find(connection, organization, apply_id)
    if row is None:
        raise CasewayError(f"there is no apply {apply_id!r}", code="not-found", place=apply_id)
    return _record(row)


def listed(
    platform: Platform,
    organization: str,
    project: str = "",
    *,
    after: tuple[datetime, str] | None = None,
    limit: int = 1000,
) -> list[ApplyRecord]:
    """The applies after the one made at that moment under that id, oldest first, without their reports."""
    query = sa.select(applies).where(applies.c.organization == organization)
    if project:
        query = query.where(applies.c.project == project)
    if after is not None:
        made, last = after
        later = sa.and_(applies.c.created_at == made, applies.c.id > last)
        query = query.where(sa.or_(applies.c.created_at > made, later))
    query = query.order_by(applies.c.created_at, applies.c.id).limit(limit)
    with platform.database.reading() as connection:
        return [_record(row, is_whole=False) for row in connection.execute(query)]


def project_of(platform: Platform, organization: str, apply_id: str) -> str | None:
    """Whose apply it is, None when there is none of that id."""
    query = sa.select(applies.c.project).where(*_this(organization, apply_id))
    with platform.database.reading() as connection:
        return connection.scalar(query)


def claim(platform: Platform, organization: str, apply_id: str) -> bool:
    """Whether it is this process's to carry out now: nobody does, or whoever did went away."""
    now = platform.clock()
    with platform.database.writing() as connection:
        row = _find(connection, organization, apply_id)
        if row is None or row.status not in OPEN or not _is_free(row, platform.holder, now):
            return False
        claimed = connection.execute(
            sa.update(applies)
            .where(
                *_this(organization, apply_id),
                applies.c.status == row.status,
                applies.c.holder == row.holder,
                applies.c.claim_expires_at.is_not_distinct_from(row.claim_expires_at),
            )
            .values(status="running", holder=platform.holder, claim_expires_at=now + CLAIM)
        )
    return claimed.rowcount == 1


def lost(platform: Platform) -> list[tuple[str, str]]:
    """Organization and id of the applies that nobody carries out any more."""
    now = platform.clock()
    with platform.database.reading() as connection:
        rows = connection.execute(sa.select(applies).where(applies.c.status.in_(OPEN))).all()
    return [(row.organization, row.id) for row in rows if _is_free(row, platform.holder, now)]


def tell(platform: Platform, organization: str, apply_id: str, events: Sequence[JsonObject]) -> None:
    """Add events, and keep the claim."""
    with platform.database.writing() as connection:
        mine = apply_events.c.organization == organization, apply_events.c.apply_id == apply_id
        last = connection.scalar(sa.select(sa.func.max(apply_events.c.number)).where(*mine)) or 0
        rows = [
            {"organization": organization, "apply_id": apply_id, "number": last + at, "event": event}
            for at, event in enumerate(events, 1)
        ]
        if rows:
            connection.execute(sa.insert(apply_events), rows)
        connection.execute(
            sa.update(applies)
            .where(*_this(organization, apply_id), applies.c.status == "running")
            .values(claim_expires_at=platform.clock() + CLAIM)
        )


def events_after(
    platform: Platform, organization: str, apply_id: str, number: int, *, limit: int = 500
) -> list[tuple[int, Any]]:
    """What happened after the event of that number, in order."""
    query = (
        sa.select(apply_events.c.number, apply_events.c.event)
        .where(
            apply_events.c.organization == organization,
            apply_events.c.apply_id == apply_id,
            apply_events.c.number > number,
        )
        .order_by(apply_events.c.number)
        .limit(limit)
    )
    with platform.database.reading() as connection:
        return [(row.number, row.event) for row in connection.execute(query)]


def finish(
    platform: Platform,
    organization: str,
    apply_id: str,
    *,
    report: JsonObject | None = None,
    error: JsonObject | None = None,
) -> None:
    """Record how it ended, once."""
    with platform.database.writing() as connection:
        connection.execute(
            sa.update(applies)
            .where(*_this(organization, apply_id), applies.c.status.in_(OPEN))
            .values(
                status="done" if report is not None else "failed",
                report=report,
                error=error,
                ended_at=platform.clock(),
                claim_expires_at=None,
            )
        )


def sweep(platform: Platform) -> int:
    """Forget what ended long ago, with its events, at most a batch of it; how many. The last one of each
    project that has ended stays."""
    later = applies.alias("later")
    is_last = ~sa.exists().where(
        later.c.organization == applies.c.organization,
        later.c.project == applies.c.project,
        later.c.ended_at.is_not(None),
        sa.or_(
            later.c.created_at > applies.c.created_at,
            sa.and_(later.c.created_at == applies.c.created_at, later.c.id > applies.c.id),
        ),
    )
    key = sa.tuple_(applies.c.organization, applies.c.id)
    old = (
        sa.select(applies.c.organization, applies.c.id)
        .where(applies.c.ended_at <= platform.clock() - KEPT, applies.c.status.not_in(OPEN), ~is_last)
        .limit(BATCH)
    )
    with platform.database.writing() as connection:
        return int(connection.execute(sa.delete(applies).where(key.in_(old))).rowcount)


def _is_free(row: Row, mine: str, now: datetime) -> bool:
    if row.claim_expires_at is None or row.claim_expires_at <= now:
        return True
    return is_dead(row.holder, mine)


def _find(connection: sa.Connection, organization: str, apply_id: str) -> Row | None:
    return connection.execute(sa.select(applies).where(*_this(organization, apply_id))).one_or_none()


def _this(organization: str, apply_id: str) -> tuple[Any, ...]:
    return applies.c.organization == organization, applies.c.id == apply_id


def _record(row: Row, *, is_whole: bool = True) -> ApplyRecord:
    same = {name: getattr(row, name) for name in ("id", "plan_id", "project", "actor", "status", "holder")}
    return ApplyRecord(
        **same,
        report=row.report if is_whole else None,
        error=row.error,
        created_at=instant(row.created_at),
        ended_at=instant(row.ended_at) if row.ended_at else "",
    )
