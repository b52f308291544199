"""What each action of a plan does to the store: one function each, listed in one table, each idempotent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.model.plan import Action, Kind, Verb
from caseway.model.states import TemplateStatus
from caseway.platform import rows, templates
from caseway.platform.access import grants
from caseway.platform.audit import By
from caseway.platform.lookup import Row, find_instance, find_process, the_instance, the_process
from caseway.platform.tables import instances, processes, resources


@dataclass(frozen=True, slots=True)
class Step:
    """One action with all it needs: the open transaction, ids, on whose behalf, for which project."""

    connection: sa.Connection
    action: Action
    by: By
    project: str
    ids: Callable[[], str]

    @property
    def payload(self) -> Mapping[str, Any]:
        """The action's payload."""
        return self.action.payload


Handler = Callable[[Step], bool]


def put_process(step: Step) -> bool:
    """Create the process, or bring its listing up to date; an archived one is back."""
    row = find_process(step.connection, step.by.organization, step.action.name)
    values: dict[str, Any] = {
        "title": str(step.payload.get("title") or step.action.name),
        "listing": step.payload["listing"],
        "process_type": str(step.payload["processType"]),
        "exclusive": bool(step.payload["exclusive"]),
        "archived": False,
    }
    if row is None:
        _insert_process(step, values)
        return True
    if row.project != step.project:
        raise _taken("process", step.action.name, row.project)
    if all(getattr(row, name) == value for name, value in values.items()):
        return False
    step.connection.execute(
        sa.update(processes).where(processes.c.id == row.id).values(updated_at=step.by.at, **values)
    )
    if row.listing != values["listing"]:
        grants.keep_process(step.connection, row.id, values["listing"])
    if row.process_type != values["process_type"]:
        _reslot(step, row)
    return True


def _insert_process(step: Step, values: Mapping[str, Any]) -> None:
    made = step.ids()
    step.connection.execute(
        sa.insert(processes).values(
            id=made,
            organization=step.by.organization,
            name=step.action.name,
            project=step.project,
            owner=str(step.payload.get("owner") or ""),
            origin="",
            created_at=step.by.at,
            updated_at=step.by.at,
            tombstone="",
            **values,
        )
    )
    grants.keep_process(step.connection, made, values["listing"])


def _reslot(step: Step, process: Row) -> None:
    """The one-instance rule changed: every instance takes its new place, or refuses to."""
    names = step.connection.scalars(
        sa.select(instances.c.name).where(instances.c.process_id == process.id, instances.c.tombstone == "")
    ).all()
    for name in names:
        rows.settle(step.connection, the_instance(step.connection, step.by.organization, name), step.by.at)


def archive_process(step: Step) -> bool:
    """Hide the process; its templates stay."""
    return _set_archived(step, archived=True)


def restore_process(step: Step) -> bool:
    """Show it again."""
    return _set_archived(step, archived=False)


def _set_archived(step: Step, *, archived: bool) -> bool:
    row = the_process(step.connection, step.by.organization, step.action.name)
    if row.archived == archived:
        return False
    step.connection.execute(
        sa.update(processes).where(processes.c.id == row.id).values(archived=archived, updated_at=step.by.at)
    )
    return True


def delete_process(step: Step) -> bool:
    """Leave a tombstone; refused (`in-use`) while an instance lives."""
    row = find_process(step.connection, step.by.organization, step.action.name)
    if row is None:
        return False
    living = step.connection.scalar(
        sa.select(sa.func.count())
        .select_from(instances)
        .where(instances.c.process_id == row.id, instances.c.tombstone == "")
    )
    if living:
        raise CasewayError(
            f"process {row.name} has {living} instances",
            code="in-use",
            place=row.name,
            hint="delete its instances first",
        )
    step.connection.execute(
        sa.update(processes)
        .where(processes.c.id == row.id)
        .values(tombstone=row.id, deleted_at=step.by.at, updated_at=step.by.at)
    )
    return True


def create_template(step: Step) -> bool:
    """Freeze a template; uncommitted work apart from the versions."""
    process = the_process(step.connection, step.by.organization, str(step.payload["process"]))
    home = process.id
    if step.payload.get("snapshot") == "dev":
        home = _snapshots(step, process)
    return templates.add(step.connection, step.ids(), home, step.payload, step.by)


def _snapshots(step: Step, process: Row) -> str:
    """The hidden process for the snapshots of `process`, made when there is none yet."""
    known = templates.snapshots_of(step.connection, process.id)
    if known is not None:
        return known
    made = step.ids()
    kept = ("organization", "name", "title", "owner", "listing", "process_type", "exclusive")
    step.connection.execute(
        sa.insert(processes).values(
            id=made,
            project=process.project,
            archived=True,
            origin="",
            created_at=step.by.at,
            updated_at=step.by.at,
            tombstone=templates.SNAPSHOTS,
            **{name: getattr(process, name) for name in kept},
        )
    )
    return made


def publish_template(step: Step) -> bool:
    """Publish it; what was published before is deprecated."""
    return _set_status(step, TemplateStatus.PUBLISHED)


def deprecate_template(step: Step) -> bool:
    """Deprecate it."""
    return _set_status(step, TemplateStatus.DEPRECATED)


def _set_status(step: Step, status: TemplateStatus) -> bool:
    process = the_process(step.connection, step.by.organization, str(step.payload["process"]))
    stored = templates.by_digest(step.connection, process.id, str(step.payload["digest"]))
    return templates.set_status(step.connection, stored, status, step.by)


def put_instance(step: Step) -> bool:
    """Install the instance, or bring its fields to what the repo says."""
    row = find_instance(step.connection, step.by.organization, step.action.name)
    fields = step.payload["fields"]
    if row is None:
        process = the_process(step.connection, step.by.organization, str(step.payload["process"]))
        made = {
            "name": step.action.name,
            "project": step.project,
            "stage": str(step.payload["stage"]),
            "owner": str(step.payload["owner"]),
            "desired": fields,
            "applied": fields,
            "declared": bool(step.payload.get("declared", True)),
        }
        rows.add(step.connection, step.ids(), process, made, step.by)
        return True
    if row.project != step.project:
        raise _taken("instance", step.action.name, row.project)
    changes: dict[str, Any] = {"desired": fields, "applied": fields}
    changes |= {name: step.payload[name] for name in ("stage", "owner") if name in step.payload}
    if all(getattr(row, name) == value for name, value in changes.items()):
        return False
    rows.settle(step.connection, row, step.by.at, **changes)
    return True


def pause_instance(step: Step) -> bool:
    """Triggers off: on behalf of a stage, remembered as such, or by the project itself."""
    row = the_instance(step.connection, step.by.organization, step.action.name)
    stage = str(step.payload.get("by") or "")
    if stage:
        return _settle(step, row, {"auto_paused_by": stage})
    return _settle(step, row, _with_field(row, "enabled", False))


def resume_instance(step: Step) -> bool:
    """Triggers on again, unless the instance is to be off for another reason."""
    row = the_instance(step.connection, step.by.organization, step.action.name)
    if row.auto_paused_by:
        return _settle(step, row, {"auto_paused_by": ""})
    return _settle(step, row, _with_field(row, "enabled", True))


def archive_instance(step: Step) -> bool:
    """Hidden and off; restorable."""
    row = the_instance(step.connection, step.by.organization, step.action.name)
    return _settle(step, row, _with_field(row, "archived", True))


def restore_instance(step: Step) -> bool:
    """Back from the archive."""
    row = the_instance(step.connection, step.by.organization, step.action.name)
    return _settle(step, row, _with_field(row, "archived", False))


def delete_instance(step: Step) -> bool:
    """Leave a tombstone: the name and the place in the stage are free again. Its live workflows are gone
    before (`apply` sees to it)."""
    row = find_instance(step.connection, step.by.organization, step.action.name)
    if row is None:
        return False
    rows.settle(step.connection, row, step.by.at, tombstone=row.id, deleted_at=step.by.at)
    return True


def _with_field(row: Row, name: str, value: bool) -> dict[str, Any]:
    """The change of one field, desired and applied alike: it is the project that asks."""
    changes: dict[str, Any] = {"desired": {**row.desired, name: value}}
    if row.applied:
        changes["applied"] = {**row.applied, name: value}
    return changes


def _settle(step: Step, row: Row, changes: Mapping[str, Any]) -> bool:
    if all(getattr(row, name) == value for name, value in changes.items()):
        return False
    rows.settle(step.connection, row, step.by.at, **changes)
    return True


def put_resource(step: Step) -> bool:
    """Store a runtime or connection."""
    row = _resource(step)
    values = {"digest": str(step.payload["digest"]), "body": step.payload["body"]}
    if row is None:
        step.connection.execute(
            sa.insert(resources).values(
                organization=step.by.organization,
                kind=step.action.kind.value,
                name=step.action.name,
                project=step.project,
                updated_at=step.by.at,
                **values,
            )
        )
        return True
    if row.project != step.project:
        raise _taken(step.action.kind.value, step.action.name, row.project)
    if row.digest == values["digest"]:
        return False
    step.connection.execute(
        sa.update(resources).where(*_this_resource(step)).values(updated_at=step.by.at, **values)
    )
    return True


def delete_resource(step: Step) -> bool:
    """Forget a runtime or connection."""
    row = _resource(step)
    if row is None:
        return False
    if row.project != step.project:
        raise _taken(step.action.kind.value, step.action.name, row.project)
    step.connection.execute(sa.delete(resources).where(*_this_resource(step)))
    return True


def _resource(step: Step) -> Row | None:
    return step.connection.execute(sa.select(resources).where(*_this_resource(step))).one_or_none()


def _this_resource(step: Step) -> tuple[Any, ...]:
    return (
        resources.c.organization == step.by.organization,
        resources.c.kind == step.action.kind.value,
        resources.c.name == step.action.name,
    )


def _taken(kind: str, name: str, project: str) -> CasewayError:
    return CasewayError(
        f"{kind} {name} belongs to {f'project {project}' if project else 'no project'}",
        code="name-taken",
        place=name,
        hint="choose another name, or remove it there first",
    )


HANDLERS: Mapping[tuple[Kind, Verb], Handler] = {
    (Kind.PROCESS, Verb.CREATE): put_process,
    (Kind.PROCESS, Verb.UPDATE): put_process,
    (Kind.PROCESS, Verb.ARCHIVE): archive_process,
    (Kind.PROCESS, Verb.RESTORE): restore_process,
    (Kind.PROCESS, Verb.DELETE): delete_process,
    (Kind.TEMPLATE, Verb.CREATE): create_template,
    (Kind.TEMPLATE, Verb.PUBLISH): publish_template,
    (Kind.TEMPLATE, Verb.DEPRECATE): deprecate_template,
    (Kind.INSTANCE, Verb.CREATE): put_instance,
    (Kind.INSTANCE, Verb.UPDATE): put_instance,
    (Kind.INSTANCE, Verb.PAUSE): pause_instance,
    (Kind.INSTANCE, Verb.RESUME): resume_instance,
    (Kind.INSTANCE, Verb.ARCHIVE): archive_instance,
    (Kind.INSTANCE, Verb.RESTORE): restore_instance,
    (Kind.INSTANCE, Verb.DELETE): delete_instance,
    **{
        (kind, verb): put_resource
        for kind in (Kind.RUNTIME, Kind.CONNECTION)
        for verb in (Verb.CREATE, Verb.UPDATE, Verb.PUT)
    },
    **{(kind, Verb.DELETE): delete_resource for kind in (Kind.RUNTIME, Kind.CONNECTION)},
}
