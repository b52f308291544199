"""What is different for an instance that belongs to a preview. Reads only."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.platform.lookup import Row
from caseway.platform.tables import executions, instances, previews, resources
from caseway.platform.timetable import BY_THEMSELVES
from caseway.reconcile.preview import SEPARATOR
from caseway.reconcile.resources import of_preview


def preview_of(project: str) -> str:
    """The id of the preview that a project is, "" for a real one."""
    return project.partition(SEPARATOR)[2]


# Whose events an execution hears and sends, where executions and their instances are joined: a preview's
# stay within it.
REALM = sa.case(
    (
        instances.c.project.contains(SEPARATOR),
        executions.c.organization + SEPARATOR + instances.c.project,
    ),
    else_=executions.c.organization,
)


def realm_of(connection: sa.Connection, execution_id: str) -> str:
    """Whose events the execution hears and sends: its organization's, or its preview's alone."""
    query = sa.select(REALM).join(instances, instances.c.id == executions.c.instance_id)
    return str(connection.scalar(query.where(executions.c.id == execution_id)) or "")


def preview_realm(organization: str, project: str) -> str:
    """The realm of the preview whose project is `<project>/<id>`."""
    return organization + SEPARATOR + project


def in_realm(organization: str, realm: str) -> sa.ColumnElement[bool]:
    """The condition on instances that they hear the events of that realm."""
    if realm == organization:
        return ~instances.c.project.contains(SEPARATOR)
    return instances.c.project == realm.removeprefix(organization + SEPARATOR)


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


def own_name(connection: sa.Connection, instance: Row, kind: str, name: str) -> str:
    """What the runtime or connection `name` is called for an instance: a preview's own, when it has one."""
    preview = preview_of(instance.project)
    own = of_preview(name, preview) if preview else name
    query = sa.select(resources.c.name).where(
        resources.c.organization == instance.organization, resources.c.kind == kind, resources.c.name == own
    )
    return own if own != name and connection.scalar(query) is not None else name


def without_schedules(settings: JsonObject) -> JsonObject:
    """The settings of a workflow that starts nothing by itself: a preview acts when somebody triggers it."""
    triggers: Any = settings.get("triggers") or ()
    kept = [item for item in triggers if item.get("type") not in BY_THEMSELVES]
    return {**settings, "triggers": kept}
