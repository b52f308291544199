"""Tokens: shown once, kept as a digest, scoped, ending, rotated with an overlap, revoked for good.

The rule: nobody makes a token that may more, or lives longer, than what they made it with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from caseway.model.access import Caller
from caseway.model.errors import CasewayError
from caseway.platform.access import presented
from caseway.platform.access.people import by_of, the_member
from caseway.platform.access.service_accounts import checked_scopes, the_service_account
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.tables import instant, service_accounts, tokens, trusts, users

OVERLAP = timedelta(hours=24)  # how long a rotated token still works, unless said otherwise
KEPT = timedelta(days=30)  # how long one that has ended is still listed
_MARKS = {
    "personal": presented.PERSONAL,
    "session": presented.SESSION,
    "service": presented.SERVICE,
    "exchanged": presented.EXCHANGED,
}


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token without its secret; `prefix` is enough to tell tokens apart. `owner` is a person, a service
    account or a trust rule, as `kind` says."""

    id: str
    prefix: str
    kind: str
    name: str
    owner: str
    scopes: tuple[str, ...]
    project: str
    created_at: str
    created_by: str
    expires_at: str
    revoked_at: str
    last_used_at: str
    replaces: str


@dataclass(frozen=True, slots=True)
class NewToken:
    """What a token is to be; one of `user_id`, `service_id`, `trust_id` says whose."""

    kind: str
    organization: str
    name: str
    scopes: Sequence[str]
    project: str
    expires_at: datetime | None
    user_id: str | None = None
    service_id: str | None = None
    trust_id: str | None = None
    replaces: str = ""


def create_token(  # noqa: PLR0913 - a token says whose it is, what for and how long
    platform: Platform,
    caller: Caller,
    *,
    name: str = "",
    scopes: Sequence[str],
    project: str = "",
    expires_at: datetime | None = None,
    user: str = "",
    service_account: str = "",
) -> tuple[TokenView, str]:
    """A new token and its secret, which nobody can ask for again.

    One's own, that of a service account (for who administers), or, for who may open the database, anybody's.
    Raises `scope`, `forbidden`, `not-found`."""
    kept = checked_scopes(caller, scopes, project)
    by = by_of(platform, caller)
    with platform.database.writing() as connection:
        if service_account:
            row = the_service_account(connection, caller.organization, service_account)
            _within(row, kept, project)
            whose: dict[str, Any] = {"kind": "service", "service_id": row.id}
            project = row.project or project
        else:
            whose = {"kind": "personal", "user_id": _person(connection, caller, user)}
        until = _until(connection, caller, expires_at, by.at)
        new = NewToken(
            organization=caller.organization,
            name=name,
            scopes=kept,
            project=project,
            expires_at=until,
            **whose,
        )
        token_id, secret = issue(connection, platform, new, by)
        return _view(_one(connection, caller.organization, token_id)), secret


def issue(connection: sa.Connection, platform: Platform, new: NewToken, by: By) -> tuple[str, str]:
    """Write a token; its id and its secret. What may be had is the caller's to check."""
    prefix, secret = presented.make(_MARKS[new.kind])
    token_id = platform.ids()
    connection.execute(
        sa.insert(tokens).values(
            id=token_id,
            prefix=prefix,
            digest=presented.digest(secret),
            kind=new.kind,
            organization=new.organization,
            user_id=new.user_id,
            service_id=new.service_id,
            trust_id=new.trust_id,
            name=new.name,
            scopes=list(new.scopes),
            project=new.project,
            created_at=by.at,
            created_by=by.actor,
            expires_at=new.expires_at,
            replaces=new.replaces,
        )
    )
    note(
        connection,
        by,
        ("create", "token", prefix),
        after={"kind": new.kind, "name": new.name, "scopes": list(new.scopes), "project": new.project},
    )
    return token_id, secret


def list_tokens(
    platform: Platform, caller: Caller, *, everyones: bool = False, service_account: str = ""
) -> list[TokenView]:
    """One's own tokens, a service account's, or `everyones` of the organization; newest first."""
    query = _query(caller.organization).order_by(tokens.c.created_at.desc(), tokens.c.id)
    ended = platform.clock() - KEPT
    query = query.where(sa.or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > ended))
    if service_account:
        query = query.where(service_accounts.c.name == service_account)
    elif not everyones and caller.kind != "local":
        query = query.where(tokens.c.user_id == caller.id)
    with platform.database.reading() as connection:
        return [_view(row) for row in connection.execute(query)]


def get_token(platform: Platform, caller: Caller, token: str, *, everyones: bool = False) -> TokenView:
    """A token by id or prefix; raises `not-found`, also for somebody else's unless `everyones`."""
    with platform.database.reading() as connection:
        return _view(_theirs(connection, caller, token, everyones=everyones))


def revoke_token(platform: Platform, caller: Caller, token: str, *, everyones: bool = False) -> None:
    """End a token, named by id or prefix, for good. Raises `not-found`."""
    by = by_of(platform, caller)
    with platform.database.writing() as connection:
        row = _theirs(connection, caller, token, everyones=everyones)
        if row.revoked_at is None:
            connection.execute(sa.update(tokens).where(tokens.c.id == row.id).values(revoked_at=by.at))
            note(connection, by, ("revoke", "token", row.prefix), before={"kind": row.kind, "name": row.name})


def rotate_token(
    platform: Platform,
    caller: Caller,
    token: str,
    *,
    expires_at: datetime | None = None,
    overlap: timedelta = OVERLAP,
    everyones: bool = False,
) -> tuple[TokenView, str]:
    """A token in place of another, with the same scopes and, unless said otherwise, as long a life; the old
    one works until `overlap` is over. Raises `not-found`, `token-ended`, `forbidden`."""
    by = by_of(platform, caller)
    with platform.database.writing() as connection:
        row = _theirs(connection, caller, token, everyones=everyones)
        if row.kind not in {"personal", "service"}:
            raise CasewayError(f"a token of kind {row.kind} is not rotated", code="forbidden", place=token)
        if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= by.at):
            raise CasewayError("this token has ended", code="token-ended", place=token, hint="make a new one")
        kept = checked_scopes(caller, row.scopes, row.project)
        until = expires_at or (by.at + (row.expires_at - row.created_at) if row.expires_at else None)
        if caller.token_id != row.id:  # a token may carry itself on; another must not outlive the caller's
            until = _until(connection, caller, until, by.at)
        new = NewToken(
            kind=row.kind,
            organization=row.organization,
            name=row.name,
            scopes=kept,
            project=row.project,
            expires_at=until,
            user_id=row.user_id,
            service_id=row.service_id,
            replaces=row.prefix,
        )
        token_id, secret = issue(connection, platform, new, by)
        last = by.at + max(overlap, timedelta(0))
        if row.expires_at is None or row.expires_at > last:
            connection.execute(sa.update(tokens).where(tokens.c.id == row.id).values(expires_at=last))
        note(connection, by, ("rotate", "token", row.prefix), after={"until": instant(last)})
        return _view(_one(connection, caller.organization, token_id)), secret


def sweep(platform: Platform, *, limit: int = 500) -> int:
    """Forget tokens that ended long ago; how many."""
    ended = platform.clock() - KEPT
    over = sa.or_(tokens.c.expires_at <= ended, tokens.c.revoked_at <= ended)
    with platform.database.writing() as connection:
        some = connection.scalars(sa.select(tokens.c.id).where(over).limit(limit)).all()
        if some:
            connection.execute(sa.delete(tokens).where(tokens.c.id.in_(some)))
    return len(some)


def _person(connection: sa.Connection, caller: Caller, user: str) -> str:
    """Whose personal token it is to be."""
    if caller.kind == "local" and user:
        return str(the_member(connection, caller.organization, user).id)
    if caller.kind == "user" and user in {"", caller.name}:
        return caller.id
    if caller.kind == "user":
        raise CasewayError("a personal token is made by its own person", code="forbidden", place=user)
    raise CasewayError(
        "a token belongs to somebody",
        code="forbidden",
        hint="say whose: --user, or --service-account",
    )


def _within(account: Row, scopes: Sequence[str], project: str) -> None:
    more = [scope for scope in scopes if scope not in account.scopes]
    if more:
        raise CasewayError(
            f"{account.name} does not have the scope {', '.join(more)}", code="scope", place=account.name
        )
    if account.project and project not in {"", account.project}:
        raise CasewayError(
            f"{account.name} is for project {account.project}", code="scope", place=account.name
        )


def _until(
    connection: sa.Connection, caller: Caller, wanted: datetime | None, now: datetime
) -> datetime | None:
    """When it ends: never after the token it is made with, unless that is a sign-in."""
    if wanted is not None and wanted <= now:
        raise CasewayError("a token must end in the future", code="expiry")
    if caller.kind == "local" or not caller.token_id:
        return wanted
    made_with = connection.execute(
        sa.select(tokens.c.kind, tokens.c.expires_at).where(tokens.c.id == caller.token_id)
    ).one_or_none()
    if made_with is None or made_with.kind == "session" or made_with.expires_at is None:
        return wanted
    last: datetime = made_with.expires_at
    return last if wanted is None else min(wanted, last)


def _query(organization: str) -> sa.Select[Any]:
    return (
        sa.select(
            tokens,
            sa.func.coalesce(users.c.name, service_accounts.c.name, trusts.c.name, "").label("owner"),
        )
        .outerjoin(users, users.c.id == tokens.c.user_id)
        .outerjoin(service_accounts, service_accounts.c.id == tokens.c.service_id)
        .outerjoin(trusts, trusts.c.id == tokens.c.trust_id)
        .where(tokens.c.organization == organization)
    )


def _one(connection: sa.Connection, organization: str, token: str) -> Row:
    row = connection.execute(
        _query(organization).where(sa.or_(tokens.c.id == token, tokens.c.prefix == token))
    ).one_or_none()
    if row is None:
        raise CasewayError(
            f"there is no token {token!r}", code="not-found", place=token, hint="see `caseway token list`"
        )
    return row


def _theirs(connection: sa.Connection, caller: Caller, token: str, *, everyones: bool) -> Row:
    row = _one(connection, caller.organization, token)
    if everyones or caller.kind == "local" or caller.id in {row.user_id, row.service_id}:
        return row
    raise CasewayError(
        f"there is no token {token!r}", code="not-found", place=token, hint="see `caseway token list`"
    )


def _view(row: Row) -> TokenView:
    return TokenView(
        **{name: getattr(row, name) for name in ("id", "prefix", "kind", "name", "owner", "project")},
        scopes=tuple(row.scopes),
        created_at=instant(row.created_at),
        created_by=row.created_by,
        expires_at=instant(row.expires_at) if row.expires_at else "",
        revoked_at=instant(row.revoked_at) if row.revoked_at else "",
        last_used_at=instant(row.last_used_at) if row.last_used_at else "",
        replaces=row.replaces,
    )
