"""What an operator should look at: leases that nobody renews, executions whose worker is gone."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from caseway.platform.bundle import Platform
from caseway.platform.tables import executions, leases


def stale_leases(platform: Platform) -> Sequence[tuple[str, str]]:
    """Name and holder of every lease that has expired without being given back."""
    statement = sa.select(leases.c.name, leases.c.owner).where(leases.c.expires_at < platform.clock())
    with platform.database.reading() as connection:
        return [(row.name, row.owner) for row in connection.execute(statement)]


def stuck_executions(platform: Platform, organization: str) -> Sequence[tuple[str, str]]:
    """Id and last worker of every execution that is running though its claim has expired."""
    statement = (
        sa.select(executions.c.id, executions.c.claimed_by)
        .where(executions.c.organization == organization)
        .where(executions.c.status.in_(("running", "waiting")))
        .where(executions.c.claim_expires_at < platform.clock())
        .order_by(executions.c.created_at)
        .limit(100)
    )
    with platform.database.reading() as connection:
        return [(row.id, row.claimed_by) for row in connection.execute(statement)]
