"""One active stage per process and owner, kept by hand as the planner keeps it: who is switched off by whom
is remembered, so that it can come back."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from caseway.platform import rows
from caseway.platform.audit import By, note
from caseway.platform.lookup import Row, the_instance
from caseway.platform.tables import instances


def switch_off_others(connection: sa.Connection, winner: Row, by: By) -> list[str]:
    """Pause the instances of other stages because `winner` runs; their names."""
    if not winner.exclusive:
        return []
    paused = []
    for name in _others(connection, winner):
        other = the_instance(connection, by.organization, name)
        is_on = other.desired.get("enabled", True) and not other.desired.get("archived", False)
        if is_on and not other.auto_paused_by:
            rows.settle(connection, other, by.at, auto_paused_by=winner.stage)
            note(connection, by, ("pause", "instance", name), after={"by": winner.stage})
            paused.append(name)
    return paused


def bring_back(connection: sa.Connection, gone: Row, by: By) -> list[str]:
    """Let the instance run again that `gone` had switched off: one, or nobody; its name."""
    for name in _others(connection, gone):
        other = the_instance(connection, by.organization, name)
        if other.auto_paused_by == gone.stage:
            rows.settle(connection, other, by.at, auto_paused_by="")
            note(connection, by, ("resume", "instance", name), before={"by": gone.stage})
            return [name]
    return []


def _others(connection: sa.Connection, instance: Row) -> Sequence[str]:
    """The instances of the same process and owner in other stages, the latest changed first."""
    return connection.scalars(
        sa.select(instances.c.name)
        .where(
            instances.c.process_id == instance.process_id,
            instances.c.owner == instance.owner,
            instances.c.id != instance.id,
            instances.c.tombstone == "",
        )
        .order_by(instances.c.updated_at.desc(), instances.c.name)
    ).all()
