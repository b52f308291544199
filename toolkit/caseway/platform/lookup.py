"""Finding one process or instance by name; what is deleted is found in its grave alone."""

from __future__ import annotations

from typing import Any, TypeAlias

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform.tables import instances, processes

Row: TypeAlias = "sa.Row[Any]"


# Built once, for they are asked at every step.
_PROCESS = sa.select(processes).where(
    processes.c.organization == sa.bindparam("organization"),
    processes.c.name == sa.bindparam("name"),
    processes.c.tombstone == "",
)
_NAMED = (
    sa.select(
        instances,
        processes.c.name.label("process"),
        processes.c.process_type,
        processes.c.exclusive,
    )
    .join(processes, processes.c.id == instances.c.process_id)
    .where(instances.c.organization == sa.bindparam("organization"), instances.c.name == sa.bindparam("name"))
)
_INSTANCE = _NAMED.where(instances.c.tombstone == "")
_GRAVE = _NAMED.where(instances.c.tombstone != "").order_by(instances.c.deleted_at.desc()).limit(1)


def find_process(connection: sa.Connection, organization: str, name: str) -> Row | None:
    """The living process of that name."""
    values = {"organization": organization, "name": name}
    return connection.execute(_PROCESS, values).one_or_none()


def the_process(connection: sa.Connection, organization: str, name: str) -> Row:
    """As `find_process`; raises `CasewayError` (`not-found`)."""
    row = find_process(connection, organization, name)
    if row is None:
        raise CasewayError(
            f"there is no process {name!r} in {organization!r}",
            code="not-found",
            place=name,
            hint="see `caseway process list`",
        )
    return row


def find_instance(connection: sa.Connection, organization: str, name: str) -> Row | None:
    """The living instance of that name, with `process`, `process_type` and `exclusive` of its process."""
    values = {"organization": organization, "name": name}
    return connection.execute(_INSTANCE, values).one_or_none()


def find_grave(connection: sa.Connection, organization: str, name: str) -> Row | None:
    """The instance of that name deleted last, as `find_instance` gives it."""
    return connection.execute(_GRAVE, {"organization": organization, "name": name}).one_or_none()


def the_instance(connection: sa.Connection, organization: str, name: str) -> Row:
    """As `find_instance`; raises `CasewayError` (`not-found`)."""
    row = find_instance(connection, organization, name)
    if row is None:
        raise CasewayError(
            f"there is no instance {name!r} in {organization!r}",
            code="not-found",
            place=name,
            hint="see `caseway instance list`",
        )
    return row
