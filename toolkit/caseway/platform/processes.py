"""Steering processes by hand: publishing, promoting along stages, copying, deleting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from caseway.model.access import Caller
from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.model.plan import Action, Kind, Verb
from caseway.model.states import TemplateStatus
from caseway.platform import installing, instances, templates
from caseway.platform.access.grants import visible_processes
from caseway.platform.actions import HANDLERS, Step
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.instance_views import InstanceView, get_instance
from caseway.platform.lookup import Row, find_instance, find_process, the_process
from caseway.platform.process_views import ProcessView, TemplateView, get_process, get_template
from caseway.platform.tables import instances as instance_table
from caseway.platform.tables import processes

FIRST = "1.0.0"


def publish(
    platform: Platform, organization: str, process: str, version: str = "", *, actor: str
) -> TemplateView:
    """Publish a version (the newest without one); what was published before is deprecated."""
    return _set_status(platform, organization, process, version, TemplateStatus.PUBLISHED, actor)


def deprecate(
    platform: Platform, organization: str, process: str, version: str, *, actor: str
) -> TemplateView:
    """Take a published version out of what stages of published templates follow."""
    return _set_status(platform, organization, process, version, TemplateStatus.DEPRECATED, actor)


def promote(  # noqa: PLR0913 - what, where to and whose
    platform: Platform,
    organization: str,
    process: str,
    stage: str,
    version: str = "",
    *,
    owner: str = "",
    actor: str,
) -> InstanceView:
    """Publish a version and bring the instance of `stage` to it, installing it when there is none."""
    with platform.database.reading() as connection:
        row = the_process(connection, organization, process)
        name = _instance_in(connection, row, stage, owner)
        owner = owner if owner or name else _usual_owner(connection, row)
    view = publish(platform, organization, process, version, actor=actor)
    if name is None:
        with platform.database.reading() as connection:
            is_taken = find_instance(connection, organization, f"{process}-{stage}") is not None
        name = f"{process}-{stage}-{owner}" if is_taken else f"{process}-{stage}"
        place = {"stage": stage, "owner": owner}
        installing.add(platform, organization, name, process, place, installing.DEFAULTS, actor)
    instances.deploy(platform, organization, name, view.version, actor=actor)
    return get_instance(platform, organization, name)


def clone(
    platform: Platform, organization: str, process: str, new_name: str, *, owner: str, actor: str
) -> ProcessView:
    """A copy of a process with its newest template as a draft: tags kept, visibility private, nothing
    shared, published or installed."""
    by = By(organization, actor, platform.clock())
    with platform.database.transaction() as connection:
        row = the_process(connection, organization, process)
        newest = templates.newest(connection, row.id)
        if newest is None:
            raise CasewayError(f"{process} has no template to copy", code="not-found", place=process)
        if find_process(connection, organization, new_name) is not None:
            raise CasewayError(f"there is a process {new_name!r} already", code="name-taken", place=new_name)
        process_id = platform.ids()
        connection.execute(
            sa.insert(processes).values(
                id=process_id,
                organization=organization,
                name=new_name,
                project="",
                title=row.title,
                owner=owner,
                listing={"tags": row.listing.get("tags") or [], "visibility": "private"},
                process_type=row.process_type,
                exclusive=row.exclusive,
                archived=False,
                origin=process,
                created_at=by.at,
                updated_at=by.at,
                tombstone="",
            )
        )
        made: JsonObject = {
            "process": new_name,
            "version": FIRST,
            "digest": newest.digest,
            "body": newest.body,
            "rule": f"copied from {process} {newest.version}",
            "bump": "first",
        }
        templates.add(connection, platform.ids(), process_id, made, by)
        note(connection, by, ("clone", "process", new_name), after={"from": process, "owner": owner})
    return get_process(platform, organization, new_name)


def delete(platform: Platform, organization: str, process: str, *, actor: str) -> None:
    """Leave a tombstone; refused (`in-use`) while an instance lives."""
    by = By(organization, actor, platform.clock())
    action = Action(f"delete-process:{process}", Verb.DELETE, Kind.PROCESS, process, "by hand")
    with platform.database.transaction() as connection:
        the_process(connection, organization, process)
        HANDLERS[Kind.PROCESS, Verb.DELETE](Step(connection, action, by, "", platform.ids))
        note(connection, by, ("delete", "process", process))


def starters(platform: Platform, organization: str, *, caller: Caller | None = None) -> list[ProcessView]:
    """The processes meant to be copied, by name; for a `caller` those they see."""
    query = sa.select(processes).where(
        processes.c.organization == organization,
        processes.c.tombstone == "",
        processes.c.archived.is_(False),
    )
    if caller is not None:
        query = query.where(visible_processes(caller))
    with platform.database.reading() as connection:
        rows = connection.execute(query.order_by(processes.c.name)).all()
        names = [row.name for row in rows if _is_starter(connection, row)]
    return [get_process(platform, organization, name) for name in names]


def create_from(
    platform: Platform, organization: str, starter: str, new_name: str, *, owner: str, actor: str
) -> ProcessView:
    """A new process from a starter; raises `CasewayError` (`not-a-starter`)."""
    with platform.database.reading() as connection:
        is_starter = _is_starter(connection, the_process(connection, organization, starter))
    if not is_starter:
        raise CasewayError(
            f"{starter} is not a starter",
            code="not-a-starter",
            place=starter,
            hint="set `starter: true` in its usecase.yaml, or clone it",
        )
    return clone(platform, organization, starter, new_name, owner=owner, actor=actor)


def _set_status(
    platform: Platform, organization: str, process: str, version: str, status: TemplateStatus, actor: str
) -> TemplateView:
    by = By(organization, actor, platform.clock())
    with platform.database.transaction() as connection:
        row = the_process(connection, organization, process)
        stored = templates.by_version(connection, row.id, version) if version else _newest(connection, row)
        if templates.set_status(connection, stored, status, by):
            verb = "publish" if status is TemplateStatus.PUBLISHED else "deprecate"
            subject = (verb, "template", f"{process}@{stored.version}")
            note(connection, by, subject, before={"status": stored.status}, after={"status": status})
    return get_template(platform, organization, process, stored.version)


def _newest(connection: sa.Connection, row: Row) -> templates.Stored:
    found = templates.newest(connection, row.id)
    if found is None:
        raise CasewayError(f"{row.name} has no template", code="not-found", place=row.name)
    return found


def _instance_in(connection: sa.Connection, process: Row, stage: str, owner: str) -> str | None:
    query = sa.select(instance_table.c.name).where(
        instance_table.c.process_id == process.id,
        instance_table.c.stage == stage,
        instance_table.c.tombstone == "",
        instance_table.c.phase != "archived",
    )
    if owner:
        query = query.where(instance_table.c.owner == owner)
    names = connection.scalars(query.order_by(instance_table.c.name)).all()
    if len(names) > 1:
        raise CasewayError(
            f"{process.name} has several instances in {stage}: {', '.join(names[:5])}",
            code="ambiguous",
            place=process.name,
            hint="say whose with --owner",
        )
    return names[0] if names else None


def _usual_owner(connection: sa.Connection, process: Row) -> str:
    """Whose the instances of a process are; raises `CasewayError` (`which-owner`) when of several people."""
    query = sa.select(instance_table.c.owner).where(
        instance_table.c.process_id == process.id, instance_table.c.tombstone == ""
    )
    owners = sorted(set(connection.scalars(query)))
    if len(owners) > 1 and process.process_type == "personal":
        raise CasewayError(
            f"whose instance of {process.name}? Several people have one",
            code="which-owner",
            place=process.name,
            hint=f"say --owner: {', '.join(owners)}",
        )
    return str(next(iter(owners), None) or process.owner or "local")


def _is_starter(connection: sa.Connection, row: Row) -> bool:
    newest = templates.newest(connection, row.id)
    body: Mapping[str, Any] = newest.body if newest is not None else {}
    return bool(body.get("starter") or row.listing.get("starter"))
