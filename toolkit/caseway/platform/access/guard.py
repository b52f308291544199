"""What an operation is about, and whether the caller may. The rule: `may` is asked here alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

import sqlalchemy as sa

from caseway.model.access import Caller, Kind, Permission, Subject, may
from caseway.model.errors import CasewayError
from caseway.platform.access.grants import instance_subject, process_subject
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.tables import api_keys, executions, instances, processes


def require(caller: Caller, permission: Permission, subject: Subject) -> None:
    """Raises `CasewayError`: `unauthenticated`, `forbidden`, `not-found` (for what is not to be known of)."""
    decision = may(caller, permission, subject)
    if decision.allowed:
        return
    if caller.kind == "anonymous":
        refuse_nobody("")
    if decision.is_hidden and subject.kind is not Kind.ORGANIZATION:
        refuse_hidden(subject.kind)
    raise CasewayError(f"you may not: {decision.reason}", code="forbidden")


def is_allowed(caller: Caller, permission: Permission, subject: Subject) -> bool:
    """Whether the caller may, where it is no error when not."""
    return may(caller, permission, subject).allowed


def refuse_nobody(place: str) -> NoReturn:
    """Raises `CasewayError` (`unauthenticated`)."""
    raise CasewayError(
        "who asks? There is no token, or it is not known here",
        code="unauthenticated",
        place=place,
        hint="send it as `Authorization: Bearer TOKEN`; the command line takes it from CASEWAY_TOKEN",
    )


def refuse_hidden(kind: str) -> NoReturn:
    """Raises `CasewayError` (`not-found`): the same for what is not there and what is not for the caller."""
    thing = kind if kind in {Kind.PROCESS, Kind.INSTANCE, Kind.PROJECT} else "thing"
    raise CasewayError(f"there is no such {thing}", code="not-found", hint="or it is not shared with you")


def organization_subject(caller: Caller) -> Subject:
    """The caller's own organization."""
    return Subject(caller.organization)


def project_subject(caller: Caller, project: str) -> Subject:
    """A project of the caller's organization; it need not be there yet."""
    return Subject(caller.organization, Kind.PROJECT, id=project, project=project)


def subject_of_process(platform: Platform, caller: Caller, name: str) -> Subject | None:
    """The process of that name, None when there is none."""
    query = sa.select(processes).where(
        processes.c.organization == caller.organization,
        processes.c.name == name,
        processes.c.tombstone == "",
    )
    row = _first(platform, query)
    return None if row is None else process_subject(row)


def subject_of_instance(platform: Platform, caller: Caller, name: str) -> Subject | None:
    """The instance of that name, the one in the grave when none lives, None when there is none at all."""
    query = (
        sa.select(instances)
        .where(instances.c.organization == caller.organization, instances.c.name == name)
        .order_by(instances.c.tombstone != "", instances.c.deleted_at.desc())
    )
    row = _first(platform, query)
    return None if row is None else instance_subject(row)


def subject_of_execution(platform: Platform, caller: Caller, execution_id: str) -> Subject | None:
    """The instance that an execution is of, None when there is no such execution."""
    query = (
        sa.select(instances)
        .join(executions, executions.c.instance_id == instances.c.id)
        .where(executions.c.organization == caller.organization, executions.c.id == execution_id)
    )
    row = _first(platform, query)
    return None if row is None else instance_subject(row)


def subject_of_key(platform: Platform, caller: Caller, key: str) -> Subject | None:
    """The instance that an API key is of, None when there is no such key."""
    query = (
        sa.select(instances)
        .join(api_keys, api_keys.c.instance_id == instances.c.id)
        .where(
            instances.c.organization == caller.organization,
            sa.or_(api_keys.c.id == key, api_keys.c.prefix == key),
        )
    )
    row = _first(platform, query)
    return None if row is None else instance_subject(row)


def subject_of_credential(platform: Platform, caller: Caller, scope: str, owner: str) -> Subject | None:
    """Where a credential of that scope and owner lives: for an instance's, the instance itself."""
    if scope == "system":
        return Subject("", Kind.CREDENTIAL)
    if scope == "instance":
        return _instance_of_credential(platform, caller, owner)
    return Subject(caller.organization, Kind.CREDENTIAL, owner=owner)


def _instance_of_credential(platform: Platform, caller: Caller, owner: str) -> Subject | None:
    """The instance that goes by this name or id; None when two do, for one of them is somebody else's."""
    query = sa.select(instances).where(
        instances.c.organization == caller.organization,
        sa.or_(instances.c.name == owner, instances.c.id == owner),
        instances.c.tombstone == "",
    )
    with platform.database.reading() as connection:
        rows = connection.execute(query.limit(2)).all()
    return instance_subject(rows[0]) if len(rows) == 1 else None


def require_owner(caller: Caller, owner: str) -> None:
    """Raises `CasewayError` (`forbidden`) when the caller makes something for somebody else and may not.

    For oneself and one's teams everybody may; for others who may deploy in the organization."""
    if owner in {"", caller.name, *caller.teams}:
        return
    home = organization_subject(caller)
    if not is_allowed(replace(caller, project=""), Permission.DEPLOY, home):
        raise CasewayError(
            f"you may not make something that is {owner}'s: that needs an admin",
            code="forbidden",
            place=owner,
        )


def _first(platform: Platform, query: sa.Select[Any]) -> Row | None:
    with platform.database.reading() as connection:
        return connection.execute(query.limit(1)).first()
