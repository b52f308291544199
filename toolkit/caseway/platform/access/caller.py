"""Who shows this token. The one place where a text from outside becomes a `Caller`."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from caseway.model.access import ANONYMOUS, Caller, Scope
from caseway.platform.access import presented
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.tables import (
    api_keys,
    instances,
    memberships,
    service_accounts,
    team_members,
    teams,
    tokens,
    trusts,
    users,
)

# Last use is told to the minute: writing it at every call would make each reading a change.
NOTED = timedelta(minutes=1)

_TOKEN = (
    sa.select(
        tokens,
        users.c.name.label("user"),
        users.c.is_disabled.label("is_user_disabled"),
        memberships.c.role,
        service_accounts.c.name.label("account"),
        service_accounts.c.scopes.label("account_scopes"),
        service_accounts.c.project.label("account_project"),
        service_accounts.c.is_disabled.label("is_account_disabled"),
        trusts.c.scopes.label("trust_scopes"),
        trusts.c.project.label("trust_project"),
    )
    .outerjoin(users, users.c.id == tokens.c.user_id)
    .outerjoin(
        memberships,
        sa.and_(
            memberships.c.user_id == tokens.c.user_id, memberships.c.organization == tokens.c.organization
        ),
    )
    .outerjoin(service_accounts, service_accounts.c.id == tokens.c.service_id)
    .outerjoin(trusts, trusts.c.id == tokens.c.trust_id)
    .where(tokens.c.prefix == sa.bindparam("prefix"))
)
_KEY = (
    sa.select(api_keys, instances.c.name.label("instance"), instances.c.organization, instances.c.project)
    .join(instances, instances.c.id == api_keys.c.instance_id)
    .where(api_keys.c.prefix == sa.bindparam("prefix"), instances.c.tombstone == "")
)
_TEAMS = (
    sa.select(teams.c.name)
    .join(team_members, team_members.c.team_id == teams.c.id)
    .where(
        teams.c.organization == sa.bindparam("organization"),
        team_members.c.user_id == sa.bindparam("user"),
    )
    .order_by(teams.c.name)
)


def caller_of(platform: Platform, token: str) -> Caller:
    """Who shows `token`; `ANONYMOUS` when it is none of ours, has ended, or its person may not come in."""
    prefix = presented.prefix_of(token)
    if not prefix:
        return ANONYMOUS
    is_key = prefix.startswith((presented.INSTANCE, "cw_"))
    now = platform.clock()
    with platform.database.reading() as connection:
        row = connection.execute(_KEY if is_key else _TOKEN, {"prefix": prefix}).one_or_none()
        is_right = presented.is_same(token, row.digest if row is not None else None)
        if row is None or not is_right or not _is_good(row, now):
            return ANONYMOUS
        caller = _instance(row) if is_key else _of_token(connection, row)
    if caller.kind != "anonymous" and (row.last_used_at is None or row.last_used_at + NOTED <= now):
        _used(platform, api_keys if is_key else tokens, row.id, now)
    return caller


def _is_good(row: Row, now: datetime) -> bool:
    return row.revoked_at is None and (row.expires_at is None or row.expires_at > now)


def _instance(row: Row) -> Caller:
    return Caller(
        row.organization,
        "instance",
        row.instance_id,
        f"key:{row.prefix}",
        scopes=(Scope.READ, Scope.TRIGGER),
        token_id=row.id,
    )


def _of_token(connection: sa.Connection, row: Row) -> Caller:
    if row.user_id is not None:
        return _person(connection, row)
    if row.service_id is not None:
        if row.is_account_disabled:
            return ANONYMOUS
        return _robot(row, row.service_id, row.account, (row.account_scopes, row.account_project))
    if row.trust_id is not None:
        return _robot(row, row.trust_id, row.name, (row.trust_scopes, row.trust_project))
    return ANONYMOUS


def _person(connection: sa.Connection, row: Row) -> Caller:
    if row.is_user_disabled or row.role is None:
        return ANONYMOUS
    belongs = connection.scalars(_TEAMS, {"organization": row.organization, "user": row.user_id}).all()
    return Caller(
        row.organization,
        "user",
        row.user_id,
        row.user,
        row.role,
        tuple(belongs),
        tuple(row.scopes),
        row.project,
        row.id,
    )


def _robot(row: Row, account_id: str, name: str, now: tuple[list[str], str]) -> Caller:
    """A service account or an exchanged identity: what it may now, and never more than its token says."""
    scopes, project = now
    if project and row.project not in {"", project}:
        return ANONYMOUS
    return Caller(
        row.organization,
        "service",
        account_id,
        name,
        scopes=tuple(scope for scope in row.scopes if scope in scopes),
        project=project or row.project,
        token_id=row.id,
    )


def _used(platform: Platform, table: sa.Table, token_id: str, now: datetime) -> None:
    with platform.database.writing() as connection:
        connection.execute(sa.update(table).where(table.c.id == token_id).values(last_used_at=now))
