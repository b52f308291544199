"""One active stage per process and owner, kept by hand as the planner keeps it: who is switched off by whom
is remembered, so that it can come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from caseway.platform import rows
from caseway.platform.audit import By, note
from caseway.platform.lookup import Row, the_instance
from caseway.platform.tables import current_deployments, instances, processes


def switch_off_others(connection: sa.Connection, winner: Row, by: By) -> list[str]:
    """Pause the instances of other stages because `winner` runs; their names."""
    if not winner.exclusive:
        return []
    paused = []
    for name in _others(connection, winner):
        other = the_instance(connection, by.organization, name)
        if _is_wanted(other) and not other.auto_paused_by:
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


def relight(connection: sa.Connection, process: str, by: By) -> list[str]:
    """Let run again who was switched off for a stage that did not come to run; their names.

    Of each owner one at most, the latest changed that is deployed; nobody where something runs."""
    woken = []
    lit: set[str] = set()
    for name in connection.scalars(_deployed(process, by)).all():
        row = the_instance(connection, by.organization, name)
        if rows.is_running(row.phase):
            lit.add(row.owner)
    for name in connection.scalars(_deployed(process, by)).all():
        row = the_instance(connection, by.organization, name)
        if row.owner not in lit and row.auto_paused_by and _is_wanted(row):
            rows.settle(connection, row, by.at, auto_paused_by="")
            note(connection, by, ("resume", "instance", name), before={"by": row.auto_paused_by})
            lit.add(row.owner)
            woken.append(name)
    return woken


def _deployed(process: str, by: By) -> sa.Select[Any]:
    return (
        sa.select(instances.c.name)
        .join(processes, processes.c.id == instances.c.process_id)
        .join(current_deployments, current_deployments.c.instance_id == instances.c.id)
        .where(
            processes.c.organization == by.organization,
            processes.c.name == process,
            processes.c.exclusive,
            processes.c.tombstone == "",
            instances.c.tombstone == "",
        )
        .order_by(instances.c.updated_at.desc(), instances.c.name)
    )


def _is_wanted(row: Row) -> bool:
    return bool(row.desired.get("enabled", True)) and not row.desired.get("archived", False)


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
