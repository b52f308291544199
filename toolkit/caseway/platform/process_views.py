"""Processes and their templates as people look at them. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa

from caseway.model.access import Caller
from caseway.model.canonical import JsonObject
from caseway.model.states import TemplateStatus
from caseway.platform import templates as shelf
from caseway.platform.access.grants import visible_processes
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row, the_process
from caseway.platform.tables import (
    instances,
    instant,
    processes,
    template_status,
    templates,
)
from caseway.reconcile.ranges import version_of


@dataclass(frozen=True, slots=True)
class TemplateView:
    """One template; `body` only where one template is asked for."""

    process: str
    version: str
    revision: int
    digest: str
    status: str
    commit: str
    author: str
    message: str
    rule: str
    bump: str
    created_at: str
    body: JsonObject = field(default_factory=dict, metadata={"optional": True})

    def as_json(self) -> JsonObject:
        """The view as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ProcessView:
    """One process with its templates, newest first."""

    name: str
    project: str
    title: str
    process_type: str
    exclusive: bool
    archived: bool
    listing: JsonObject
    latest: str
    published: str
    instances: int
    templates: tuple[TemplateView, ...]
    created_at: str
    updated_at: str

    def as_json(self) -> JsonObject:
        """The view as a JSON object."""
        return asdict(self)


def list_processes(
    platform: Platform,
    organization: str,
    *,
    archived: bool = False,
    search: str = "",
    caller: Caller | None = None,
) -> list[ProcessView]:
    """Processes by name; `search` is looked for in name, title and tags; for a `caller` those they see."""
    query = sa.select(processes).where(processes.c.organization == organization, processes.c.tombstone == "")
    if caller is not None:
        query = query.where(visible_processes(caller))
    if not archived:
        query = query.where(processes.c.archived.is_(False))
    with platform.database.reading() as connection:
        rows = connection.execute(query.order_by(processes.c.name)).all()
        found = _process_views(connection, rows)
    word = search.casefold()
    return [view for view in found if word in _searched(view)]


def get_process(platform: Platform, organization: str, name: str) -> ProcessView:
    """One process; raises `CasewayError` (`not-found`)."""
    with platform.database.reading() as connection:
        return _process_views(connection, [the_process(connection, organization, name)])[0]


def get_template(platform: Platform, organization: str, process: str, version: str) -> TemplateView:
    """One template with its body; raises `CasewayError` (`not-found`)."""
    with platform.database.reading() as connection:
        row = the_process(connection, organization, process)
        stored = shelf.by_version(connection, row.id, version)
        found = _templates(connection, [row.id])[row.id]
    view = next(item for item in found if item.digest == stored.digest)
    return TemplateView(**{**_fields(view), "process": process, "body": stored.body})


def _process_views(connection: sa.Connection, rows: Sequence[Row]) -> list[ProcessView]:
    shelves = _templates(connection, [row.id for row in rows])
    counted = connection.execute(
        sa.select(instances.c.process_id, sa.func.count().label("number"))
        .where(instances.c.tombstone == "")
        .group_by(instances.c.process_id)
    )
    counts = {row.process_id: row.number for row in counted}
    return [_process(row, shelves.get(row.id, []), counts.get(row.id, 0)) for row in rows]


def _process(row: Row, found: Sequence[TemplateView], count: int) -> ProcessView:
    published = next((item.version for item in found if item.status == TemplateStatus.PUBLISHED), "")
    same = ("name", "project", "title", "process_type", "exclusive", "archived", "listing")
    return ProcessView(
        **{name: getattr(row, name) for name in same},
        latest=max((item.version for item in found), key=version_of, default=""),
        published=published,
        instances=count,
        templates=tuple(TemplateView(**{**_fields(item), "process": row.name}) for item in found),
        created_at=instant(row.created_at),
        updated_at=instant(row.updated_at),
    )


def _templates(connection: sa.Connection, process_ids: Sequence[str]) -> Mapping[str, list[TemplateView]]:
    """By process id, newest first, without bodies."""
    shown = ("version", "revision", "digest", "commit", "author", "message", "rule", "bump")
    query = sa.select(
        *(templates.c[name] for name in (*shown, "process_id", "created_at")), template_status.c.status
    ).join(template_status, template_status.c.template_id == templates.c.id)
    if len(process_ids) == 1:
        query = query.where(templates.c.process_id == process_ids[0])
    found: dict[str, list[TemplateView]] = {}
    for row in connection.execute(query.order_by(templates.c.revision.desc())):
        same = {name: getattr(row, name) for name in shown}
        view = TemplateView(**same, process="", status=row.status, created_at=instant(row.created_at))
        found.setdefault(row.process_id, []).append(view)
    return found


def _fields(view: TemplateView) -> dict[str, Any]:
    return {name: getattr(view, name) for name in TemplateView.__dataclass_fields__}


def _searched(view: ProcessView) -> str:
    tags = view.listing.get("tags") or ()
    words = [view.name, view.title, *(str(tag) for tag in tags)]  # type: ignore[union-attr]
    return " ".join(words).casefold()
