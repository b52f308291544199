"""Connections as an instance sees them: a preview has its own before the project's."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.platform.previewed import preview_of
from caseway.platform.tables import resources
from caseway.reconcile.resources import of_preview

_SLOT = "connection:"


def connection_slot(name: str) -> str:
    """The name under which a connection's credential is bound: no use case can have a slot of that name."""
    return _SLOT + name


def connection_bodies(
    connection: sa.Connection, organization: str, project: str, names: Iterable[str]
) -> dict[str, JsonObject]:
    """The bodies of connections by the names that use cases know; without those that are not there."""
    preview = preview_of(project)
    wanted = {name: of_preview(name, preview) if preview else name for name in names}
    query = sa.select(resources.c.name, resources.c.body).where(
        resources.c.organization == organization,
        resources.c.kind == "connection",
        resources.c.name.in_([*wanted, *wanted.values()]),
    )
    found = {row.name: row.body for row in connection.execute(query)}
    return {
        name: found.get(own) or found[name]
        for name, own in sorted(wanted.items())
        if own in found or name in found
    }
