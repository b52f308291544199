"""What is different for an instance that belongs to a preview. Reads only."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.platform.lookup import Row
from caseway.platform.tables import previews
from caseway.reconcile.preview import SEPARATOR


def preview_of(project: str) -> str:
    """The id of the preview that a project is, "" for a real one."""
    return project.partition(SEPARATOR)[2]


def allowed_credentials(connection: sa.Connection, instance: Row) -> frozenset[str] | None:
    """The names of the stored credentials that an instance may use; None: all that its slots reach."""
    project, separator, preview = instance.project.partition(SEPARATOR)
    if not separator:
        return None
    names = connection.scalar(
        sa.select(previews.c.credentials).where(
            previews.c.organization == instance.organization,
            previews.c.project == project,
            previews.c.id == preview,
        )
    )
    return frozenset(names or ())


def without_schedules(settings: JsonObject) -> JsonObject:
    """The settings of a workflow whose schedules never fire: a preview acts when somebody triggers it."""
    triggers: Any = settings.get("triggers") or ()
    kept = [item for item in triggers if item.get("type") != "schedule"]
    return {**settings, "triggers": kept}
