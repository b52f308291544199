"""Credentials: stored encrypted, listed without their values, read only for the execution that needs them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import Json, JsonObject
from caseway.model.errors import CasewayError
from caseway.platform import attempts, healing
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.slots import LOOKUP
from caseway.platform.tables import (
    credentials,
    deployments,
    executions,
    instant,
    to_text,
)

SCOPES = ("user", "organization", "member", "instance", "system")  # `flexible` is for slots: it only looks
SHARED = frozenset({"organization", "system"})


@dataclass(frozen=True, slots=True)
class CredentialView:
    """A credential without its value."""

    name: str
    scope: str
    owner: str
    type: str
    details: JsonObject
    created_at: str
    updated_at: str
    expires_at: str

    def as_json(self) -> JsonObject:
        """The view as a JSON object."""
        return asdict(self)


def set_credential(  # noqa: PLR0913 - a credential is named by four words and holds three things
    platform: Platform,
    organization: str,
    name: str,
    value: JsonObject,
    *,
    scope: str = "organization",
    owner: str = "",
    type: str = "custom",
    metadata: JsonObject | None = None,
    expires_at: datetime | None = None,
    actor: str,
) -> list[str]:
    """Store or replace a credential; the names of the instances that went live because of it.

    `metadata` is shown in lists, `value` never. Raises `CasewayError` (`scope`, `secret-key`)."""
    home = _home(organization, scope, owner)
    by = By(organization, actor, platform.clock())
    values = {
        "type": type,
        "ciphertext": platform.keyring().encrypt(to_text(value).encode("utf-8")),
        "details": dict(metadata or {}),
        "updated_at": by.at,
        "expires_at": expires_at,
    }
    with platform.database.transaction() as connection:
        kept = _find(connection, home, name)
        if kept is None:
            connection.execute(
                sa.insert(credentials).values(
                    id=platform.ids(),
                    organization=home[0],
                    scope=scope,
                    owner=home[2],
                    name=name,
                    created_at=by.at,
                    **values,
                )
            )
        else:
            connection.execute(sa.update(credentials).where(credentials.c.id == kept.id).values(**values))
        note(
            connection,
            by,
            ("update" if kept else "create", "credential", name),
            after={"scope": scope, "owner": home[2], "type": type},
        )
        waiting = healing.review(connection, by)
    return healing.heal(platform, waiting, by)


def list_credentials(platform: Platform, organization: str) -> list[CredentialView]:
    """Every credential of the organization and of the system, by name; no values."""
    query = (
        sa.select(credentials)
        .where(credentials.c.organization.in_((organization, "")))
        .order_by(credentials.c.name, credentials.c.scope, credentials.c.owner)
    )
    with platform.database.reading() as connection:
        return [_view(row) for row in connection.execute(query)]


def remove(
    platform: Platform,
    organization: str,
    name: str,
    *,
    scope: str = "organization",
    owner: str = "",
    actor: str,
) -> list[str]:
    """Forget a credential; the names of the instances that miss it now. Raises `not-found`."""
    home = _home(organization, scope, owner)
    by = By(organization, actor, platform.clock())
    with platform.database.transaction() as connection:
        kept = _find(connection, home, name)
        if kept is None:
            raise CasewayError(
                f"there is no {scope} credential {name!r}",
                code="not-found",
                place=name,
                hint="see `caseway credential list`",
            )
        connection.execute(sa.delete(credentials).where(credentials.c.id == kept.id))
        note(connection, by, ("delete", "credential", name), before={"scope": scope, "owner": home[2]})
        exposed = healing.expose(connection, kept.id, by)
    healing.show_targets(platform, exposed, by)
    return exposed


def rotate(platform: Platform, *, actor: str, organization: str = "") -> int:
    """Encrypt every credential anew under the first key of the ring; how many there were."""
    ring = platform.keyring()
    by = By(organization, actor, platform.clock())
    with platform.database.transaction() as connection:
        rows = connection.execute(sa.select(credentials.c.id, credentials.c.ciphertext)).all()
        for row in rows:
            connection.execute(
                sa.update(credentials)
                .where(credentials.c.id == row.id)
                .values(ciphertext=ring.rotate(row.ciphertext))
            )
        note(connection, by, ("rotate", "credential", "*"), after={"count": len(rows)})
    return len(rows)


def secrets_for(platform: Platform, instance_id: str, *, execution_id: str = "") -> Callable[[str], Json]:
    """A function that gives the value of a credential slot at the moment it is called.

    Slots are bound as at the deployment that the execution belongs to, or that serves now. KeyError when the
    slot has no credential."""

    def secret(slot: str) -> Json:
        with platform.database.reading() as connection:
            bound = _bindings(connection, instance_id, execution_id).get(slot)
            row = None if bound is None else _by_id(connection, bound["id"], platform.clock())
        if row is None:
            raise KeyError(slot)
        value: Json = json.loads(platform.keyring().decrypt(row.ciphertext))
        return value

    return secret


def values_for(platform: Platform, instance_id: str, *, execution_id: str = "") -> dict[str, Json]:
    """Every value that `secrets_for` could give now, by slot: what must not leave the process."""
    with platform.database.reading() as connection:
        return values_within(connection, platform, instance_id, execution_id)


def values_within(
    connection: sa.Connection, platform: Platform, instance_id: str, execution_id: str = ""
) -> dict[str, Json]:
    """As `values_for`, in a transaction of the caller's."""
    found: dict[str, Json] = {}
    for slot, bound in _bindings(connection, instance_id, execution_id).items():
        row = _by_id(connection, bound["id"], platform.clock())
        if row is not None:
            found[slot] = json.loads(platform.keyring().decrypt(row.ciphertext))
    return found


def _bindings(
    connection: sa.Connection, instance_id: str, execution_id: str
) -> Mapping[str, Mapping[str, Any]]:
    if execution_id:
        deployment = connection.execute(
            sa.select(deployments)
            .join(executions, executions.c.deployment_id == deployments.c.id)
            .where(executions.c.id == execution_id, executions.c.instance_id == instance_id)
        ).one_or_none()
    else:
        deployment = attempts.current(connection, instance_id)
    if deployment is None:
        return {}
    bound: Mapping[str, Mapping[str, Any]] = deployment.inputs.get("credentials") or {}
    return bound


def _by_id(connection: sa.Connection, credential_id: str, now: datetime) -> Row | None:
    row = connection.execute(sa.select(credentials).where(credentials.c.id == credential_id)).one_or_none()
    return row if row is not None and (row.expires_at is None or row.expires_at > now) else None


def _home(organization: str, scope: str, owner: str) -> tuple[str, str, str]:
    """Where a credential lives: organization, scope, owner; refuses what makes no sense."""
    if scope not in SCOPES:
        known = ", ".join(SCOPES)
        looks = " (a slot may be flexible, a credential lives somewhere)" if scope in LOOKUP else ""
        raise CasewayError(
            f"there is no scope {scope!r} to store in{looks}", code="scope", hint=f"one of: {known}"
        )
    if scope in SHARED:
        return ("" if scope == "system" else organization), scope, ""
    if not owner:
        raise CasewayError(
            f"a credential of scope {scope} belongs to somebody", code="scope", hint="say whose: --owner"
        )
    return organization, scope, owner


def _find(connection: sa.Connection, home: tuple[str, str, str], name: str) -> Row | None:
    organization, scope, owner = home
    return connection.execute(
        sa.select(credentials).where(
            credentials.c.organization == organization,
            credentials.c.scope == scope,
            credentials.c.owner == owner,
            credentials.c.name == name,
        )
    ).one_or_none()


def _view(row: Row) -> CredentialView:
    return CredentialView(
        name=row.name,
        scope=row.scope,
        owner=row.owner,
        type=row.type,
        details=row.details,
        created_at=instant(row.created_at),
        updated_at=instant(row.updated_at),
        expires_at=instant(row.expires_at) if row.expires_at else "",
    )
