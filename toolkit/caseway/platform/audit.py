"""Who changed what, when, and from which commit. Rows are only ever added."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.platform.bundle import Platform
from caseway.platform.tables import audit, instant


@dataclass(frozen=True, slots=True)
class By:
    """On whose behalf a change is made: organization, actor, commit ("" by hand), and when."""

    organization: str
    actor: str
    at: datetime
    commit: str = ""


@dataclass(frozen=True, slots=True)
class AuditView:
    """One change."""

    id: int
    at: str
    actor: str
    action: str
    kind: str
    name: str
    commit: str
    before: Any
    after: Any

    def as_json(self) -> JsonObject:
        """The view as a JSON object."""
        return asdict(self)


_ADD = sa.insert(audit)


def note(
    connection: sa.Connection,
    by: By,
    subject: tuple[str, str, str],
    *,
    before: JsonObject | None = None,
    after: JsonObject | None = None,
) -> None:
    """Add a row for `subject` (action, kind, name) in the transaction that makes the change."""
    action, kind, name = subject
    connection.execute(
        _ADD,
        {
            "at": by.at,
            "organization": by.organization,
            "actor": by.actor,
            "action": action,
            "kind": kind,
            "name": name,
            "commit": by.commit,
            "before": before,
            "after": after,
        },
    )


def list_audit(
    platform: Platform, organization: str, *, name: str = "", limit: int = 50, before: int = 0
) -> list[AuditView]:
    """The latest changes first; `before` is the id to page on from."""
    query = sa.select(audit).where(audit.c.organization == organization).order_by(audit.c.id.desc())
    if name:
        query = query.where(audit.c.name == name)
    if before:
        query = query.where(audit.c.id < before)
    with platform.database.reading() as connection:
        return [
            AuditView(
                row.id,
                instant(row.at),
                row.actor,
                row.action,
                row.kind,
                row.name,
                row.commit,
                row.before,
                row.after,
            )
            for row in connection.execute(query.limit(limit))
        ]
