"""People and their organizations. Whoever is a member of none can do nothing, whatever token they show.

The rule: an organization keeps an owner, and only an owner makes or unmakes one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from caseway.model.access import Caller, OrganizationRole
from caseway.model.errors import CasewayError
from caseway.platform.access.passwords import hashed, is_right
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.tables import (
    instant,
    memberships,
    organizations,
    team_members,
    teams,
    tokens,
    users,
)

NAME = re.compile(r"[a-z0-9]([a-z0-9._@+-]{0,126}[a-z0-9])?\Z")


@dataclass(frozen=True, slots=True)
class UserView:
    """A person as a member of one organization."""

    name: str
    title: str
    email: str
    role: str
    teams: tuple[str, ...]
    has_password: bool
    is_disabled: bool
    created_at: str
    last_login_at: str


@dataclass(frozen=True, slots=True)
class OrganizationView:
    """An organization, and what the caller is in it."""

    name: str
    title: str
    role: str
    members: int
    created_at: str


def by_of(platform: Platform, caller: Caller) -> By:
    """On whose behalf, for the audit."""
    return By(caller.organization, caller.name or caller.id or caller.kind, platform.clock())


def create_organization(
    platform: Platform, caller: Caller, name: str, *, title: str = ""
) -> OrganizationView:
    """A new organization, made by who may open the database. Raises `forbidden`, `name-taken`, `name`."""
    if caller.kind != "local":
        raise CasewayError(
            "organizations are made where the database is",
            code="forbidden",
            hint="run `caseway organization create` on the server's own machine",
        )
    checked_name(name, "organization")
    by = By(name, caller.name, platform.clock())
    with platform.database.writing() as connection:
        if not ensure_organization(connection, name, by.at, title=title):
            raise CasewayError(f"there is an organization {name!r} already", code="name-taken", place=name)
        note(connection, by, ("create", "organization", name), after={"title": title})
    return OrganizationView(name, title, "", 0, instant(by.at))


def list_organizations(platform: Platform, caller: Caller) -> list[OrganizationView]:
    """Those the caller belongs to, by name; all of them for who may open the database."""
    counted = (
        sa.select(memberships.c.organization, sa.func.count().label("members"))
        .group_by(memberships.c.organization)
        .subquery()
    )
    mine = sa.and_(memberships.c.organization == organizations.c.name, memberships.c.user_id == caller.id)
    query = (
        sa.select(organizations, counted.c.members, memberships.c.role)
        .outerjoin(counted, counted.c.organization == organizations.c.name)
        .outerjoin(memberships, mine)
        .order_by(organizations.c.name)
    )
    if caller.kind != "local":
        query = query.where(
            sa.or_(memberships.c.role.is_not(None), organizations.c.name == caller.organization)
        )
    with platform.database.reading() as connection:
        return [
            OrganizationView(row.name, row.title, row.role or "", row.members or 0, instant(row.created_at))
            for row in connection.execute(query)
        ]


def add_user(  # noqa: PLR0913 - a person has a name, a role and what they sign in with
    platform: Platform,
    caller: Caller,
    name: str,
    *,
    role: str = "member",
    title: str = "",
    email: str = "",
    password: str = "",
) -> UserView:
    """Make somebody a member; who is unknown here becomes a user. Somebody known keeps name and password.

    Raises `name`, `role`, `name-taken` (as a member or a team), `password`, `forbidden`."""
    checked_name(name, "user")
    checked_role(role)
    _only_owners(caller, role)
    secret = hashed(password) if password else None
    by = by_of(platform, caller)
    with changing(platform, caller.organization) as connection:
        user = connection.execute(sa.select(users).where(users.c.name == name)).one_or_none()
        if user is not None and _role_of(connection, caller.organization, user.id) is not None:
            raise CasewayError(f"{name} is a member already", code="name-taken", place=name)
        if connection.scalar(sa.select(sa.exists().where(teams.c.name == name))):
            raise CasewayError(f"a team is called {name} already", code="name-taken", place=name)
        user_id = platform.ids() if user is None else user.id
        if user is None:
            connection.execute(
                sa.insert(users).values(
                    id=user_id,
                    name=name,
                    title=title,
                    email=email,
                    password=secret,
                    is_disabled=False,
                    created_at=by.at,
                    updated_at=by.at,
                )
            )
        elif password:
            raise CasewayError(
                f"{name} is known here and has a password of their own",
                code="password",
                place=name,
                hint="add them without one",
            )
        connection.execute(
            sa.insert(memberships).values(
                organization=caller.organization, user_id=user_id, role=role, created_at=by.at
            )
        )
        note(connection, by, ("create", "user", name), after={"role": role})
    return get_user(platform, caller.organization, name)


def list_users(platform: Platform, organization: str) -> list[UserView]:
    """The members of an organization, by name."""
    with platform.database.reading() as connection:
        return _views(connection, organization)


def get_user(platform: Platform, organization: str, name: str) -> UserView:
    """One member; raises `not-found`."""
    with platform.database.reading() as connection:
        the_member(connection, organization, name)
        return _views(connection, organization, name)[0]


def set_role(platform: Platform, caller: Caller, name: str, role: str) -> UserView:
    """Change what a member is. Raises `not-found`, `role`, `forbidden`, `last-owner`."""
    checked_role(role)
    by = by_of(platform, caller)
    with changing(platform, caller.organization) as connection:
        member = the_member(connection, caller.organization, name)
        _only_owners(caller, role, member.role)
        if role != OrganizationRole.OWNER:
            _keep_an_owner(connection, caller.organization, member)
        connection.execute(
            sa.update(memberships)
            .where(memberships.c.organization == caller.organization, memberships.c.user_id == member.id)
            .values(role=role)
        )
        note(connection, by, ("update", "user", name), before={"role": member.role}, after={"role": role})
    return get_user(platform, caller.organization, name)


def remove_user(platform: Platform, caller: Caller, name: str) -> None:
    """End a membership, and with it every token for this organization. Raises as `set_role`."""
    by = by_of(platform, caller)
    with changing(platform, caller.organization) as connection:
        member = the_member(connection, caller.organization, name)
        _only_owners(caller, member.role)
        _keep_an_owner(connection, caller.organization, member)
        own_teams = sa.select(teams.c.id).where(teams.c.organization == caller.organization)
        connection.execute(
            sa.delete(team_members).where(
                team_members.c.user_id == member.id, team_members.c.team_id.in_(own_teams)
            )
        )
        connection.execute(
            sa.delete(tokens).where(
                tokens.c.user_id == member.id, tokens.c.organization == caller.organization
            )
        )
        connection.execute(
            sa.delete(memberships).where(
                memberships.c.organization == caller.organization, memberships.c.user_id == member.id
            )
        )
        note(connection, by, ("delete", "user", name), before={"role": member.role})


def change_own_password(platform: Platform, caller: Caller, before: str, password: str) -> None:
    """Another password for who has one; their sessions end. Raises `password`, `unauthenticated`."""
    with platform.database.reading() as connection:
        known = connection.scalar(sa.select(users.c.password).where(users.c.id == caller.id))
    if not is_right(before, known):
        raise CasewayError("the password until now is wrong", code="unauthenticated")
    _write_password(platform, caller, caller.name, password)


def set_password(platform: Platform, caller: Caller, name: str, password: str) -> None:
    """Give a member a password, as an admin; their sessions end. Raises `password`, `forbidden`, `not-found`.

    Only to who belongs to this organization alone: an admin of one organization must not be able to sign in
    as a member of another."""
    with platform.database.reading() as connection:
        _theirs_alone(connection, caller, the_member(connection, caller.organization, name))
    _write_password(platform, caller, name, password)


def _write_password(platform: Platform, caller: Caller, name: str, password: str) -> None:
    secret = hashed(password)
    by = by_of(platform, caller)
    with changing(platform, caller.organization) as connection:
        member = the_member(connection, caller.organization, name)
        connection.execute(
            sa.update(users).where(users.c.id == member.id).values(password=secret, updated_at=by.at)
        )
        connection.execute(sa.delete(tokens).where(tokens.c.user_id == member.id, tokens.c.kind == "session"))
        note(connection, by, ("password", "user", name))


def set_disabled(platform: Platform, caller: Caller, name: str, *, is_disabled: bool) -> UserView:
    """Shut somebody out, or let them in again; whoever belongs to others too can only be removed."""
    by = by_of(platform, caller)
    with changing(platform, caller.organization) as connection:
        member = the_member(connection, caller.organization, name)
        _only_owners(caller, member.role)
        if is_disabled:
            _keep_an_owner(connection, caller.organization, member)
        _theirs_alone(connection, caller, member)
        connection.execute(
            sa.update(users).where(users.c.id == member.id).values(is_disabled=is_disabled, updated_at=by.at)
        )
        note(connection, by, ("disable" if is_disabled else "enable", "user", name))
    return get_user(platform, caller.organization, name)


@contextmanager
def changing(platform: Platform, organization: str) -> Iterator[sa.Connection]:
    """A change of who belongs to an organization, one after the other. No plan looks at it, so the revision
    of the store stays. Raises `CasewayError` (`conflict`) when another one took the same name meanwhile."""
    try:
        with platform.database.writing() as connection:
            ensure_organization(connection, organization, platform.clock())
            row = sa.select(organizations.c.name).where(organizations.c.name == organization)
            connection.execute(row.with_for_update())
            yield connection
    except sa.exc.IntegrityError as error:
        raise CasewayError(
            "somebody else did the same at the same moment", code="conflict", hint="look, and try again"
        ) from error


def ensure_organization(connection: sa.Connection, name: str, at: datetime, *, title: str = "") -> bool:
    """Whether the organization was made now; it may be there since a project was applied for it."""
    if connection.scalar(sa.select(sa.exists().where(organizations.c.name == name))):
        return False
    connection.execute(sa.insert(organizations).values(name=name, title=title, created_at=at))
    return True


def the_member(connection: sa.Connection, organization: str, name: str) -> Row:
    """A user with their `role` in the organization; raises `CasewayError` (`not-found`)."""
    row = connection.execute(
        sa.select(users, memberships.c.role)
        .join(memberships, memberships.c.user_id == users.c.id)
        .where(memberships.c.organization == organization, users.c.name == name)
    ).one_or_none()
    if row is None:
        raise CasewayError(
            f"{name!r} is no member of {organization!r}",
            code="not-found",
            place=name,
            hint="see `caseway user list`",
        )
    return row


def checked_name(name: str, what: str) -> None:
    """Raises `CasewayError` (`name`) for a name that cannot be one."""
    if not NAME.match(name):
        raise CasewayError(
            f"{name!r} cannot be the name of a {what}",
            code="name",
            place=name,
            hint="use lower-case letters and digits, and between them . _ @ + -; at most 128",
        )


def checked_role(role: str) -> None:
    """Raises `CasewayError` (`role`) for what is no role in an organization."""
    if role not in set(OrganizationRole):
        raise CasewayError(
            f"there is no role {role!r}", code="role", hint=f"one of: {', '.join(OrganizationRole)}"
        )


def _role_of(connection: sa.Connection, organization: str, user_id: str) -> str | None:
    return connection.scalar(
        sa.select(memberships.c.role).where(
            memberships.c.organization == organization, memberships.c.user_id == user_id
        )
    )


def _only_owners(caller: Caller, *roles: str) -> None:
    if OrganizationRole.OWNER in roles and caller.organization_role != OrganizationRole.OWNER:
        raise CasewayError("only an owner makes, changes or removes an owner", code="forbidden")


def _keep_an_owner(connection: sa.Connection, organization: str, member: Row) -> None:
    if member.role != OrganizationRole.OWNER:
        return
    others = sa.select(users.c.id).join(memberships, memberships.c.user_id == users.c.id)
    is_another = others.where(
        memberships.c.organization == organization,
        memberships.c.role == OrganizationRole.OWNER,
        users.c.is_disabled.is_(False),
        users.c.id != member.id,
    )
    if connection.execute(is_another.limit(1)).first() is None:
        raise CasewayError(
            f"{member.name} is the last owner of {organization}",
            code="last-owner",
            place=member.name,
            hint="make somebody else an owner first",
        )


def _theirs_alone(connection: sa.Connection, caller: Caller, member: Row) -> None:
    if caller.kind == "local":
        return
    _only_owners(caller, member.role)
    elsewhere = sa.select(memberships.c.user_id).where(
        memberships.c.user_id == member.id, memberships.c.organization != caller.organization
    )
    if connection.execute(elsewhere.limit(1)).first() is not None:
        raise CasewayError(
            f"{member.name} belongs to other organizations too",
            code="forbidden",
            place=member.name,
            hint="end their membership here instead: `caseway user rm`",
        )


def _views(connection: sa.Connection, organization: str, name: str = "") -> list[UserView]:
    query = (
        sa.select(users, memberships.c.role)
        .join(memberships, memberships.c.user_id == users.c.id)
        .where(memberships.c.organization == organization)
        .order_by(users.c.name)
    )
    rows = connection.execute(query.where(users.c.name == name) if name else query).all()
    belongs: dict[str, list[str]] = {}
    for row in connection.execute(
        sa.select(team_members.c.user_id, teams.c.name)
        .join(teams, teams.c.id == team_members.c.team_id)
        .where(teams.c.organization == organization)
        .order_by(teams.c.name)
    ):
        belongs.setdefault(row.user_id, []).append(row.name)
    return [
        UserView(
            name=row.name,
            title=row.title,
            email=row.email,
            role=row.role,
            teams=tuple(belongs.get(row.id, ())),
            has_password=row.password is not None,
            is_disabled=row.is_disabled,
            created_at=instant(row.created_at),
            last_login_at=instant(row.last_login_at) if row.last_login_at else "",
        )
        for row in rows
    ]
