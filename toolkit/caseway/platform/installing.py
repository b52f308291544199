"""Installing by hand: instances that no project declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.platform import rows
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.instance_views import InstanceView, get_instance
from caseway.platform.instances import deploy
from caseway.platform.lookup import find_instance, the_instance, the_process

DEFAULTS: Mapping[str, Any] = {
    "version": "*",
    "enabled": True,
    "archived": False,
    "parameters": {},
    "credentials": {},
    "sharing": {},
    "resources": {},
}


def clone(  # noqa: PLR0913 - a copy is named by name, owner and stage
    platform: Platform,
    organization: str,
    name: str,
    new_name: str,
    *,
    owner: str,
    stage: str = "",
    actor: str,
) -> InstanceView:
    """A copy for another owner or stage, not deployed yet: parameters and resources kept; credentials,
    sharing, keys and history not."""
    with platform.database.reading() as connection:
        row = the_instance(connection, organization, name)
    kept = {field: row.desired.get(field) for field in ("version", "parameters", "resources")}
    fields = {**DEFAULTS, **kept}
    return add(
        platform,
        organization,
        new_name,
        row.process,
        {"stage": stage or row.stage, "owner": owner},
        fields,
        actor,
    )


def install(  # noqa: PLR0913 - an instance is named by process, stage and owner
    platform: Platform,
    organization: str,
    name: str,
    process: str,
    *,
    stage: str,
    owner: str,
    fields: JsonObject | None = None,
    actor: str,
) -> InstanceView:
    """Install a process by hand and deploy it; when that fails the instance stays, to be tried again."""
    place = {"stage": stage, "owner": owner}
    add(platform, organization, name, process, place, {**DEFAULTS, **(fields or {})}, actor)
    deploy(platform, organization, name, actor=actor)
    return get_instance(platform, organization, name)


def add(  # noqa: PLR0913, PLR0917 - an instance is named by process, stage and owner
    platform: Platform,
    organization: str,
    name: str,
    process: str,
    place: Mapping[str, str],
    fields: Mapping[str, Any],
    actor: str,
) -> InstanceView:
    """A new instance that no project declares and nothing serves yet. Raises `name-taken`, `one-instance`."""
    by = By(organization, actor, platform.clock())
    with platform.database.transaction() as connection:
        if find_instance(connection, organization, name) is not None:
            raise CasewayError(f"there is an instance {name!r} already", code="name-taken", place=name)
        made: dict[str, Any] = {
            **place,
            "name": name,
            "project": "",
            "desired": fields,
            "applied": {},
            "declared": False,
        }
        rows.add(connection, platform.ids(), the_process(connection, organization, process), made, by)
        note(connection, by, ("create", "instance", name), after={"process": process, **place})
    return get_instance(platform, organization, name)
