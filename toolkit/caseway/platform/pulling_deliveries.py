"""What forges told of pushes: taken in once, worked off later, whatever happens in between."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from caseway.platform import pulling
from caseway.platform.bundle import Platform
from caseway.platform.tables import deliveries, remotes

KEPT = timedelta(days=30)  # so long a delivery is known again


@dataclass(frozen=True, slots=True)
class Pushed:
    """One delivery: `id` is the forge's own, `ref` and `commit` what it says was pushed."""

    id: str
    forge: str
    organization: str
    project: str
    ref: str
    commit: str


def take(platform: Platform, pushed: Pushed) -> bool:
    """Keep a delivery and have its project looked at; False when it came before."""
    now = platform.clock()
    with platform.database.writing() as connection:
        known = connection.scalar(sa.select(deliveries.c.id).where(deliveries.c.id == pushed.id))
        if known is not None:
            return False
        connection.execute(sa.delete(deliveries).where(deliveries.c.received_at < now - KEPT))
        connection.execute(
            sa.insert(deliveries).values(
                **{name: getattr(pushed, name) for name in Pushed.__dataclass_fields__},
                status="pending",
                attempts=0,
                error="",
                received_at=now,
                due_at=now,
            )
        )
        mine = (remotes.c.organization == pushed.organization, remotes.c.project == pushed.project)
        connection.execute(sa.update(remotes).where(*mine).values(due_at=now))
    return True


def settle(platform: Platform, organization: str, project: str, *, since: datetime, error: str) -> None:
    """Close what was told of a project before the look that began at `since`; with an error it is looked at
    again. What was told meanwhile may be about a push that the look did not see: it gets one of its own."""
    now = platform.clock()
    view = pulling.status(platform, organization, project)
    with platform.database.writing() as connection:
        pending = (
            deliveries.c.organization == organization,
            deliveries.c.project == project,
            deliveries.c.status == "pending",
        )
        where = (*pending, deliveries.c.received_at <= since)
        later = sa.select(deliveries.c.id).where(*pending, deliveries.c.received_at > since).limit(1)
        if connection.scalar(later) is not None:
            mine = (remotes.c.organization == organization, remotes.c.project == project)
            connection.execute(sa.update(remotes).where(*mine).values(due_at=now))
        values = {"status": "failed" if error else "done", "error": error[:4000], "ended_at": now}
        if error and view.failures < 3:
            values = {"error": error[:4000]}
        connection.execute(
            sa.update(deliveries).where(*where).values(attempts=deliveries.c.attempts + 1, **values)
        )
