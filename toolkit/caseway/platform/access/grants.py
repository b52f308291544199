"""What is shared and made visible, as rows, so that a list asks the database what `may` asks of one thing.

The rule: `granted` of the model says what the rows are; nothing here decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from caseway.model.access import Caller, Kind, Subject, granted, grantees, sees_all
from caseway.platform.tables import executions, instance_grants, instances, process_grants, processes


def process_subject(row: Any) -> Subject:
    """A row of `processes` as what is asked about."""
    listing: Mapping[str, Any] = row.listing or {}
    return Subject(
        row.organization,
        Kind.PROCESS,
        id=row.id,
        owner=row.owner,
        visibility=str(listing.get("visibility") or "private"),
        users=_names(listing.get("users")),
        teams=_names(listing.get("teams")),
        project=row.project,
    )


def instance_subject(row: Any) -> Subject:
    """A row of `instances` as what is asked about."""
    sharing = (row.desired or {}).get("sharing")
    return Subject(
        row.organization,
        Kind.INSTANCE,
        id=row.id,
        owner=row.owner,
        sharing=sharing if isinstance(sharing, Mapping) else {},
        project=row.project,
    )


def keep_process(connection: sa.Connection, process_id: str, listing: Mapping[str, Any]) -> None:
    """Let the grants of a process be what its listing says."""
    subject = Subject(
        "",
        Kind.PROCESS,
        visibility=str(listing.get("visibility") or ""),
        users=_names(listing.get("users")),
        teams=_names(listing.get("teams")),
    )
    connection.execute(sa.delete(process_grants).where(process_grants.c.process_id == process_id))
    rows = [{"process_id": process_id, "grantee": name, "role": role} for name, role in granted(subject)]
    if rows:
        connection.execute(sa.insert(process_grants), rows)


def keep_instance(connection: sa.Connection, instance_id: str, sharing: Any) -> None:
    """Let the grants of an instance be what its sharing says."""
    subject = Subject("", Kind.INSTANCE, sharing=sharing if isinstance(sharing, Mapping) else {})
    connection.execute(sa.delete(instance_grants).where(instance_grants.c.instance_id == instance_id))
    rows = [{"instance_id": instance_id, "grantee": name, "role": role} for name, role in granted(subject)]
    if rows:
        connection.execute(sa.insert(instance_grants), rows)


def visible_processes(caller: Caller) -> sa.ColumnElement[bool]:
    """The condition on `processes` for what the caller may browse, those of others that are public too."""
    public = _granted(process_grants.c.process_id, processes.c.id, process_grants, frozenset({"anyone"}))
    at_home = processes.c.organization == caller.organization
    if caller.kind in {"anonymous", "instance"}:
        return public
    if not sees_all(caller, Kind.PROCESS):
        mine = _granted(process_grants.c.process_id, processes.c.id, process_grants, grantees(caller))
        at_home = sa.and_(at_home, sa.or_(processes.c.owner.in_(_owners(caller)), mine))
    found = sa.or_(at_home, public)
    return sa.and_(found, processes.c.project == caller.project) if caller.project else found


def visible_instances(caller: Caller) -> sa.ColumnElement[bool]:
    """The condition on `instances` for what the caller may look at."""
    at_home = instances.c.organization == caller.organization
    if caller.kind == "instance":
        return sa.and_(at_home, instances.c.id == caller.id)
    if caller.kind == "anonymous":
        return sa.false()
    if not sees_all(caller, Kind.INSTANCE):
        mine = _granted(instance_grants.c.instance_id, instances.c.id, instance_grants, grantees(caller))
        at_home = sa.and_(at_home, sa.or_(instances.c.owner.in_(_owners(caller)), mine))
    return sa.and_(at_home, instances.c.project == caller.project) if caller.project else at_home


def visible_executions(caller: Caller) -> sa.ColumnElement[bool]:
    """The condition on `executions`: those of instances that the caller may look at."""
    at_home = executions.c.organization == caller.organization
    if caller.kind == "instance":
        return sa.and_(at_home, executions.c.instance_id == caller.id)
    if sees_all(caller, Kind.INSTANCE) and not caller.project:
        return at_home
    seen = sa.select(instances.c.id).where(visible_instances(caller))
    return sa.and_(at_home, executions.c.instance_id.in_(seen))


def _granted(
    key: sa.Column[Any], owner: sa.Column[Any], table: sa.Table, names: frozenset[str]
) -> sa.ColumnElement[bool]:
    return sa.exists().where(key == owner, table.c.grantee.in_(sorted(names)))


def _owners(caller: Caller) -> list[str]:
    return sorted({caller.name, *caller.teams} - {""})


def _names(value: Any) -> tuple[str, ...]:
    return tuple(str(name) for name in value) if isinstance(value, (list, tuple)) else ()
