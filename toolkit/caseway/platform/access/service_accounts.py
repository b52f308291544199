"""Service accounts: who has no person behind it. What it may do are its scopes, perhaps in one project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from caseway.model.access import Caller, Scope
from caseway.model.errors import CasewayError
from caseway.platform.access.people import by_of, changing, checked_name
from caseway.platform.audit import note
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.tables import instant, service_accounts


@dataclass(frozen=True, slots=True)
class ServiceAccountView:
    """A service account; its tokens are listed apart."""

    name: str
    description: str
    scopes: tuple[str, ...]
    project: str
    is_disabled: bool
    created_at: str


def create_service_account(
    platform: Platform,
    caller: Caller,
    name: str,
    *,
    scopes: Sequence[str],
    project: str = "",
    description: str = "",
) -> ServiceAccountView:
    """A new service account. Raises `name`, `name-taken`, `scope`, `forbidden` (more than the caller may)."""
    checked_name(name, "service account")
    kept = checked_scopes(caller, scopes, project)
    by = by_of(platform, caller)
    with changing(platform, caller.organization) as connection:
        if find_service_account(connection, caller.organization, name) is not None:
            raise CasewayError(f"there is a service account {name!r} already", code="name-taken", place=name)
        connection.execute(
            sa.insert(service_accounts).values(
                id=platform.ids(),
                organization=caller.organization,
                name=name,
                description=description,
                scopes=kept,
                project=project,
                is_disabled=False,
                created_at=by.at,
            )
        )
        note(
            connection,
            by,
            ("create", "service-account", name),
            after={"scopes": kept, "project": project},
        )
    return get_service_account(platform, caller.organization, name)


def list_service_accounts(platform: Platform, organization: str) -> list[ServiceAccountView]:
    """The service accounts of an organization, by name."""
    query = (
        sa.select(service_accounts)
        .where(service_accounts.c.organization == organization)
        .order_by(service_accounts.c.name)
    )
    with platform.database.reading() as connection:
        return [_view(row) for row in connection.execute(query)]


def get_service_account(platform: Platform, organization: str, name: str) -> ServiceAccountView:
    """One service account; raises `not-found`."""
    with platform.database.reading() as connection:
        return _view(the_service_account(connection, organization, name))


def set_service_account_disabled(
    platform: Platform, caller: Caller, name: str, *, is_disabled: bool
) -> ServiceAccountView:
    """Shut it out with all its tokens, or let it in again."""
    by = by_of(platform, caller)
    with changing(platform, caller.organization) as connection:
        row = the_service_account(connection, caller.organization, name)
        connection.execute(
            sa.update(service_accounts).where(service_accounts.c.id == row.id).values(is_disabled=is_disabled)
        )
        note(connection, by, ("disable" if is_disabled else "enable", "service-account", name))
    return get_service_account(platform, caller.organization, name)


def delete_service_account(platform: Platform, caller: Caller, name: str) -> None:
    """Forget it, and its tokens with it."""
    by = by_of(platform, caller)
    with changing(platform, caller.organization) as connection:
        row = the_service_account(connection, caller.organization, name)
        connection.execute(sa.delete(service_accounts).where(service_accounts.c.id == row.id))
        note(
            connection,
            by,
            ("delete", "service-account", name),
            before={"scopes": row.scopes, "project": row.project},
        )


def find_service_account(connection: sa.Connection, organization: str, name: str) -> Row | None:
    """Its row."""
    return connection.execute(
        sa.select(service_accounts).where(
            service_accounts.c.organization == organization, service_accounts.c.name == name
        )
    ).one_or_none()


def the_service_account(connection: sa.Connection, organization: str, name: str) -> Row:
    """As `find_service_account`; raises `CasewayError` (`not-found`)."""
    row = find_service_account(connection, organization, name)
    if row is None:
        raise CasewayError(
            f"there is no service account {name!r}",
            code="not-found",
            place=name,
            hint="see `caseway service-account list`",
        )
    return row


def checked_scopes(caller: Caller, scopes: Sequence[str], project: str = "") -> list[str]:
    """The scopes in their order; raises `scope` for an unknown one or none, `forbidden` for what the caller's
    own token does not reach: nobody gives away more than they have."""
    known = [str(scope) for scope in Scope]
    unknown = [scope for scope in scopes if scope not in known]
    if unknown or not scopes:
        named = f"there is no scope {unknown[0]!r}" if unknown else "a token needs a scope"
        raise CasewayError(named, code="scope", hint=f"one or more of: {', '.join(known)}")
    if caller.kind != "local":
        more = [scope for scope in scopes if scope not in caller.scopes]
        if more:
            raise CasewayError(f"your own token does not have the scope {', '.join(more)}", code="forbidden")
        if caller.project and caller.project != project:
            raise CasewayError(f"your own token is for project {caller.project} alone", code="forbidden")
    return [scope for scope in known if scope in scopes]


def _view(row: Row) -> ServiceAccountView:
    return ServiceAccountView(
        name=row.name,
        description=row.description,
        scopes=tuple(row.scopes),
        project=row.project,
        is_disabled=row.is_disabled,
        created_at=instant(row.created_at),
    )
