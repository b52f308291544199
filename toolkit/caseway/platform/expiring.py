"""Instances whose credentials end soon: so that somebody renews them before a run fails."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from caseway.platform.tables import credentials, current_deployments, deployments

SOON = timedelta(days=14)


def expiring(connection: sa.Connection, now: datetime) -> frozenset[str]:
    """The ids of instances that are served with a credential which ends within `SOON`, or has ended."""
    soon = sa.select(credentials.c.id).where(credentials.c.expires_at <= now + SOON)
    ending = connection.scalars(soon).all()
    if not ending:
        return frozenset()
    inputs = sa.type_coerce(deployments.c.inputs, sa.Text)
    query = (
        sa.select(deployments.c.instance_id)
        .join(current_deployments, current_deployments.c.deployment_id == deployments.c.id)
        .where(sa.or_(*(inputs.contains(f'"{credential}"') for credential in ending)))
    )
    return frozenset(connection.scalars(query))
