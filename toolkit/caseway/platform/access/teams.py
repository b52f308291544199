"""Teams: named groups of members. A team may own instances and see processes, as a person may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from caseway.model.access import Caller
from caseway.model.errors import CasewayError
from caseway.platform.access.people import by_of, changing, checked_name, the_member
from caseway.platform.audit import note
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.tables import instant, team_members, teams, users


@dataclass(frozen=True, slots=True)
class TeamView:
    """A team and the names of who is in it."""

    name: str
    title: str
    members: tuple[str, ...]
    created_at: str


def create_team(
    platform: Platform, caller: Caller, name: str, *, title: str = "", members: Sequence[str] = ()
) -> TeamView:
    """A new team. Raises `name`, `name-taken` (a team or a person is called so), `not-found` (a member)."""
    checked_name(name, "team")
    by = by_of(platform, caller)
    with changing(platform, caller.organization) as connection:
        if _find(connection, caller.organization, name) is not None:
            raise CasewayError(f"there is a team {name!r} already", code="name-taken", place=name)
        if connection.scalar(sa.select(sa.exists().where(users.c.name == name))):
            raise CasewayError(f"a person is called {name} already", code="name-taken", place=name)
        team_id = platform.ids()
        connection.execute(
            sa.insert(teams).values(
                id=team_id, organization=caller.organization, name=name, title=title, created_at=by.at
            )
        )
        _put(connection, caller.organization, team_id, members)
        note(connection, by, ("create", "team", name), after={"members": sorted(set(members))})
    return get_team(platform, caller.organization, name)


def set_members(platform: Platform, caller: Caller, name: str, members: Sequence[str]) -> TeamView:
    """Let exactly these be in the team. Raises `not-found`."""
    by = by_of(platform, caller)
    with changing(platform, caller.organization) as connection:
        team = _the_team(connection, caller.organization, name)
        before = _members(connection, team.id)
        connection.execute(sa.delete(team_members).where(team_members.c.team_id == team.id))
        _put(connection, caller.organization, team.id, members)
        note(
            connection,
            by,
            ("update", "team", name),
            before={"members": before},
            after={"members": sorted(set(members))},
        )
    return get_team(platform, caller.organization, name)


def change_members(
    platform: Platform, caller: Caller, name: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> TeamView:
    """Take some in and let others go. Raises `not-found`."""
    now = get_team(platform, caller.organization, name).members
    return set_members(platform, caller, name, sorted({*now, *add} - set(remove)))


def delete_team(platform: Platform, caller: Caller, name: str) -> None:
    """Forget a team; what it owns stays, and the organization's owners still reach it."""
    by = by_of(platform, caller)
    with changing(platform, caller.organization) as connection:
        team = _the_team(connection, caller.organization, name)
        before = _members(connection, team.id)
        connection.execute(sa.delete(teams).where(teams.c.id == team.id))
        note(connection, by, ("delete", "team", name), before={"members": before})


def list_teams(platform: Platform, organization: str) -> list[TeamView]:
    """The teams of an organization, by name."""
    query = sa.select(teams).where(teams.c.organization == organization).order_by(teams.c.name)
    with platform.database.reading() as connection:
        return [_view(connection, row) for row in connection.execute(query).all()]


def get_team(platform: Platform, organization: str, name: str) -> TeamView:
    """One team; raises `not-found`."""
    with platform.database.reading() as connection:
        return _view(connection, _the_team(connection, organization, name))


def _put(connection: sa.Connection, organization: str, team_id: str, members: Sequence[str]) -> None:
    for member in sorted(set(members)):
        user = the_member(connection, organization, member)
        connection.execute(sa.insert(team_members).values(team_id=team_id, user_id=user.id))


def _members(connection: sa.Connection, team_id: str) -> list[str]:
    query = sa.select(users.c.name).join(team_members, team_members.c.user_id == users.c.id)
    return list(connection.scalars(query.where(team_members.c.team_id == team_id).order_by(users.c.name)))


def _find(connection: sa.Connection, organization: str, name: str) -> Row | None:
    return connection.execute(
        sa.select(teams).where(teams.c.organization == organization, teams.c.name == name)
    ).one_or_none()


def _the_team(connection: sa.Connection, organization: str, name: str) -> Row:
    row = _find(connection, organization, name)
    if row is None:
        raise CasewayError(
            f"there is no team {name!r}", code="not-found", place=name, hint="see `caseway team list`"
        )
    return row


def _view(connection: sa.Connection, row: Row) -> TeamView:
    return TeamView(row.name, row.title, tuple(_members(connection, row.id)), instant(row.created_at))
