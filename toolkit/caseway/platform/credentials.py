"""Credentials: stored encrypted, listed without their values, read only for the execution that needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import Json, JsonObject
from caseway.model.credential_types import TYPES, CredentialType, check_fields, declared
from caseway.model.errors import CasewayError
from caseway.platform import attempts, healing
from caseway.platform.age_files import is_sealed
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.credential_values import known_value, value_of
from caseway.platform.lookup import Row
from caseway.platform.oauth import MANAGED
from caseway.platform.secret_sources import AGE, STORE
from caseway.platform.slots import LOOKUP
from caseway.platform.tables import (
    credentials,
    deployments,
    executions,
    instant,
    processes,
    to_text,
)

SCOPES = ("user", "organization", "member", "instance", "system")  # `flexible` is for slots: it only looks
SHARED = frozenset({"organization", "system"})
DECLARED = "credentialTypes"  # in the listing of a process: the project's own types that its slots name


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
    source: str = STORE
    reference: str = ""
    checked: JsonObject | None = None

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
    source: str = STORE,
    reference: str = "",
    actor: str,
    expected: str = "",
) -> list[str]:
    """Store or replace a credential; the names of the instances that went live because of it.

    `metadata` is shown in lists, `value` never. With a `source` other than the store, `reference` says what
    it is asked for, and `value` is empty; with `age` the value is what git keeps, encrypted.
    `expected`: when whoever replaces it saw it changed last, "" when they do not care.
    Raises `CasewayError` (`scope`, `secret-key`, `credential-type`, `credential-fields`, `secret-source`,
    `changed`)."""
    home = _home(organization, scope, owner)
    _check_value(platform, organization, type, value, (source, reference))
    by = By(organization, actor, platform.clock())
    values = {
        "source": source,
        "reference": reference,
        "checked": None,
        "type": type,
        "ciphertext": platform.keyring().encrypt(to_text(value).encode("utf-8")),
        "details": dict(metadata or {}),
        "updated_at": by.at,
        "expires_at": expires_at,
    }
    with platform.database.transaction() as connection:
        kept = _find(connection, home, name)
        _refuse_changed(kept, name, expected)
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
            after={"scope": scope, "owner": home[2], "type": type, "source": source},
        )
        waiting = healing.review(connection, by)
    return healing.heal(platform, waiting, by)


def known_types(platform: Platform, organization: str) -> dict[str, CredentialType]:
    """The built-in types, and those of projects that the organization's use cases name; of several under one
    name the one declared last."""
    query = (
        sa.select(processes.c.listing)
        .where(processes.c.organization == organization, processes.c.tombstone == "")
        .where(sa.type_coerce(processes.c.listing, sa.Text).contains(DECLARED, autoescape=True))
        .order_by(processes.c.updated_at, processes.c.id)
    )
    with platform.database.reading() as connection:
        listings = connection.scalars(query).all()
    own = {name: told for listing in listings for name, told in (listing.get(DECLARED) or {}).items()}
    return {**{name: declared(name, told) for name, told in own.items()}, **TYPES}


def _check_value(
    platform: Platform, organization: str, type: str, value: JsonObject, place: tuple[str, str]
) -> None:
    """Refuse what is no credential, or not where one may be had from: a source, and what it is asked for."""
    source, reference = place
    if source == STORE:
        check_fields(type, value, TYPES if type in TYPES else known_types(platform, organization))
    elif source == AGE:
        if not is_sealed(value):
            raise CasewayError(
                "this is not encrypted", code="age", hint="run `caseway secret encrypt FILE` first"
            )
    else:
        if type in MANAGED:
            raise CasewayError(f"a credential of type {type} is kept in the store", code="secret-source")
        platform.sources.check(source, reference)


def the_credential(platform: Platform, organization: str, name: str, scope: str, owner: str) -> Row:
    """The row of a credential; raises `CasewayError` (`not-found`)."""
    home = _home(organization, scope, owner)
    with platform.database.reading() as connection:
        row = _find(connection, home, name)
    if row is None:
        raise _absent(name, scope)
    return row


def the_view(
    platform: Platform, organization: str, name: str, *, scope: str = "organization", owner: str = ""
) -> CredentialView:
    """One credential without its value; raises `CasewayError` (`not-found`)."""
    return _view(the_credential(platform, organization, name, scope, owner))


def _refuse_changed(row: Row | None, name: str, expected: str) -> None:
    """Two hands: what the second one saw is no longer so."""
    now = instant(row.updated_at) if row is not None else "removed"
    if expected and now != expected:
        raise CasewayError(
            f"{name} was changed since: {now}",
            code="changed",
            place=name,
            hint="look at it again, then decide anew",
        )


def _absent(name: str, scope: str) -> CasewayError:
    return CasewayError(
        f"there is no {scope} credential {name!r}",
        code="not-found",
        place=name,
        hint="see `caseway credential list`",
    )


def list_credentials(platform: Platform, organization: str) -> list[CredentialView]:
    """Every credential of the organization and of the system, by name; no values."""
    query = (
        sa.select(credentials)
        .where(credentials.c.organization.in_((organization, "")))
        .order_by(credentials.c.name, credentials.c.scope, credentials.c.owner)
    )
    with platform.database.reading() as connection:
        return [_view(row) for row in connection.execute(query)]


def remove(  # noqa: PLR0913 - a credential is named by four words
    platform: Platform,
    organization: str,
    name: str,
    *,
    scope: str = "organization",
    owner: str = "",
    actor: str,
    expected: str = "",
) -> list[str]:
    """Forget a credential; the names of the instances that miss it now. Raises `not-found`."""
    home = _home(organization, scope, owner)
    by = By(organization, actor, platform.clock())
    with platform.database.transaction() as connection:
        kept = _find(connection, home, name)
        if kept is None:
            raise _absent(name, scope)
        _refuse_changed(kept, name, expected)
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
        try:
            value: Json = value_of(platform, row)
        except CasewayError as error:  # to the workflow it is a secret that is not there; why, is kept to see
            if error.code == "secret-key":  # the whole platform's, and the operator's to mend
                raise
            remember_check(platform, row.id, error.message, is_good=False)
            raise KeyError(slot) from error
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
            with suppress(CasewayError):  # what cannot be had cannot leak
                found[slot] = known_value(platform, row)
    return found


def bound_slots(connection: sa.Connection, instance_id: str) -> list[str]:
    """The slots that have a credential in what serves the instance now."""
    return list(_bindings(connection, instance_id, ""))


def remember_check(platform: Platform, credential_id: str, message: str, *, is_good: bool) -> None:
    """Keep what came of the last look whether a credential works."""
    told = {"at": instant(platform.clock()), "ok": is_good, "message": message}
    with platform.database.writing() as connection:
        connection.execute(
            sa.update(credentials).where(credentials.c.id == credential_id).values(checked=told)
        )


def expose_expired(platform: Platform, organization: str) -> list[str]:
    """Mark the instances whose credential has ended meanwhile; their names. To be called now and then."""
    by = By(organization, "caseway", platform.clock())
    query = sa.select(credentials.c.id).where(
        credentials.c.organization.in_((organization, "")), credentials.c.expires_at <= by.at
    )
    with platform.database.reading() as connection:
        ended = connection.scalars(query).all()
    exposed: list[str] = []
    if ended:
        with platform.database.transaction() as connection:
            for credential_id in ended:
                exposed += healing.expose(connection, credential_id, by)
        healing.show_targets(platform, exposed, by)
    return exposed


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
        source=row.source,
        reference=row.reference,
        checked=row.checked,
    )
