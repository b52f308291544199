"""Which stored credential fills a use case's slot: by scope, with fallback. No value is read here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.platform import body as template_body
from caseway.platform.lookup import Row
from caseway.platform.previewed import allowed_credentials
from caseway.platform.resource_bodies import connection_bodies, connection_slot
from caseway.platform.tables import credentials
from caseway.reconcile.resources import connections_of

# Where a slot of each scope looks, first found wins. A personal secret never falls back to a shared one
# unless the slot says so by being `flexible`.
LOOKUP: Mapping[str, tuple[str, ...]] = {
    "user": ("user",),
    "member": ("member", "organization"),
    "organization": ("organization", "system"),
    "instance": ("instance",),
    "flexible": ("instance", "user", "member", "organization", "system"),
    "system": ("system",),
}
DEFAULT_SCOPE = "organization"


def find(connection: sa.Connection, instance: Row, scope: str, name: str, now: datetime) -> Row | None:
    """The credential that a slot of `scope` bound to `name` has for this instance; expired ones are none."""
    wanted = {
        (place, owner): rank
        for rank, place in enumerate(LOOKUP.get(scope, LOOKUP[DEFAULT_SCOPE]))
        for owner in _owners(place, instance)
    }
    rows = connection.execute(
        sa.select(credentials).where(
            credentials.c.name == name,
            credentials.c.organization.in_((instance.organization, "")),
            sa.or_(credentials.c.expires_at.is_(None), credentials.c.expires_at > now),
        )
    ).all()
    fitting = [row for row in rows if (row.scope, row.owner) in wanted]
    return min(fitting, key=lambda row: wanted[row.scope, row.owner], default=None)


def bind(
    connection: sa.Connection, instance: Row, body: JsonObject, now: datetime
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Every slot's binding (`id`, `name`, `type`, `scope`), and the required slots that have none.

    A slot that the instance does not bind looks for a credential of its own name. In a preview only the
    credentials that are marked for previews are there. A connection that names a credential has a slot of its
    own, `connection:<name>`."""
    bound: dict[str, dict[str, Any]] = {}
    missing: list[str] = []
    chosen = instance.desired.get("credentials") or {}
    allowed = allowed_credentials(connection, instance)
    for slot, spec in sorted(template_body.credentials(body).items()):
        name, scope = str(chosen.get(slot) or slot), str(spec.get("scope") or DEFAULT_SCOPE)
        row = find(connection, instance, scope, name, now) if allowed is None or name in allowed else None
        if row is not None and _is_of_type(row, spec):
            bound[slot] = {"id": row.id, "name": row.name, "type": row.type, "scope": row.scope}
        elif spec.get("required", True):
            missing.append(slot)
    for slot, name in _logins(connection, instance, body):
        row = None
        if allowed is None or name in allowed:
            row = find(connection, instance, DEFAULT_SCOPE, name, now)
        if row is None:
            missing.append(name)
        else:
            bound[slot] = {"id": row.id, "name": row.name, "type": row.type, "scope": row.scope}
    return bound, missing


def _logins(connection: sa.Connection, instance: Row, body: JsonObject) -> list[tuple[str, str]]:
    """The slots of the connections that need a credential, and its name."""
    if not connections_of(body):
        return []
    found = connection_bodies(connection, instance.organization, instance.project, connections_of(body))
    return [
        (connection_slot(name), str(of["credential"])) for name, of in found.items() if of.get("credential")
    ]


def _is_of_type(row: Row, spec: JsonObject) -> bool:
    wanted = spec.get("type")
    return wanted in {None, "custom", row.type} or row.type == "custom"


def _owners(scope: str, instance: Row) -> tuple[str, ...]:
    """The owners whose credentials of a scope the instance may use: an instance goes by id or by name."""
    if scope == "instance":
        return instance.id, instance.name
    return (instance.owner,) if scope in {"user", "member"} else ("",)
