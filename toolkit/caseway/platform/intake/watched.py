"""The sources that triggers fetch from: which are to be looked at now, and what each remembers.

Rule: a source is looked at under a lease of its own; what a look finds is stored only while that holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform import lease
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.tables import instances, leases, schedules
from caseway.platform.timetable import POLL, QUEUE

LEASE = "intake:"
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Watched:
    """A queue or poll trigger of an instance that runs."""

    organization: str
    project: str
    instance_id: str
    instance: str
    workflow: str
    trigger_id: str
    definition: Mapping[str, Any]
    state: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str, str]:
        """Which row it is."""
        return self.instance_id, self.workflow, self.trigger_id

    @property
    def source(self) -> str:
        """The source of the events that tell of it."""
        return f"urn:caseway:instance:{self.instance_id}"

    def execution_key(self, item: str) -> str:
        """The idempotency key of the execution that an item of it starts."""
        return f"{self.definition['type']}:{self.workflow}:{self.trigger_id}:{item}"


def queues(platform: Platform) -> list[Watched]:
    """Every queue that messages are to be taken from."""
    return _read(platform, schedules.c.kind == QUEUE)


def due_polls(platform: Platform, *, limit: int = 100) -> list[Watched]:
    """The polls whose time has come, the longest due first."""
    is_due = sa.and_(schedules.c.kind == POLL, schedules.c.next_at <= platform.clock())
    return _read(platform, is_due, limit)


def take_lease(platform: Platform, watched: Watched) -> lease.Lease | None:
    """The right to look at a source; None while another process has it."""
    name = LEASE + ":".join(watched.key)
    with platform.database.reading() as connection:
        row = connection.execute(sa.select(leases).where(leases.c.name == name)).one_or_none()
    is_held = row is not None and row.expires_at is not None and row.expires_at > platform.clock()
    if row is not None and is_held and not lease.is_dead(row.owner, platform.holder):
        return None
    try:
        return lease.acquire(platform, name=name, seconds=SECONDS)
    except CasewayError as error:
        if error.code != "lease-held":
            raise
        return None


def renew(platform: Platform, held: lease.Lease) -> bool:
    """Keep the right for longer; False when it was lost."""
    try:
        with platform.database.writing() as connection:
            lease.confirm(connection, held, platform.clock())
    except CasewayError as error:
        if error.code != "lease-lost":
            raise
        return False
    return True


def change(
    connection: sa.Connection,
    held: lease.Lease,
    watched: Watched,
    now: datetime,
    changed: Callable[[dict[str, Any]], Mapping[str, Any]],
) -> None:
    """Within a transaction: fence it by the lease, and write the columns that `changed` makes of the state.

    Raises `CasewayError`: `lease-lost`; `not-active` when the trigger is off or another by now."""
    lease.confirm(connection, held, now)
    row = connection.execute(sa.select(schedules).where(*this(watched)).with_for_update()).one_or_none()
    if row is None or not row.is_enabled or row.definition != watched.definition:
        raise CasewayError(
            f"trigger {watched.trigger_id} of {watched.instance} is not what it was",
            code="not-active",
            place=watched.instance,
            hint="it was paused or deployed anew meanwhile",
        )
    values = changed(dict(row.state or {}))
    connection.execute(sa.update(schedules).where(*this(watched)).values(**values))


def this(watched: Watched) -> tuple[Any, ...]:
    """The condition that a row is that of the trigger."""
    return (
        schedules.c.instance_id == watched.instance_id,
        schedules.c.workflow == watched.workflow,
        schedules.c.trigger_id == watched.trigger_id,
    )


def forget_leases(platform: Platform) -> int:
    """Drop the leases of sources that are no more; how many."""
    known = sa.select(
        LEASE + schedules.c.instance_id + ":" + schedules.c.workflow + ":" + schedules.c.trigger_id
    )
    gone = sa.delete(leases).where(
        leases.c.name.startswith(LEASE, autoescape=True),
        leases.c.expires_at.is_(None),
        leases.c.name.not_in(known),
    )
    with platform.database.writing() as connection:
        return int(connection.execute(gone).rowcount)


def _read(platform: Platform, condition: sa.ColumnElement[bool], limit: int | None = None) -> list[Watched]:
    query = (
        sa.select(
            schedules, instances.c.name.label("instance"), instances.c.organization, instances.c.project
        )
        .join(instances, instances.c.id == schedules.c.instance_id)
        .where(instances.c.tombstone == "", schedules.c.is_enabled, condition)
        .order_by(schedules.c.next_at, schedules.c.instance_id, schedules.c.workflow, schedules.c.trigger_id)
        .limit(limit)
    )
    with platform.database.reading() as connection:
        return [_watched(row) for row in connection.execute(query)]


def _watched(row: Row) -> Watched:
    return Watched(
        organization=row.organization,
        project=row.project,
        instance_id=row.instance_id,
        instance=row.instance,
        workflow=row.workflow,
        trigger_id=row.trigger_id,
        definition=row.definition,
        state=row.state or {},
    )
