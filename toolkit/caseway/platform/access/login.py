"""Signing in with a name and a password, and how often one may try.

The rule: a try counts before the password is looked at, so that many at once are no way around the limit."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import sqlalchemy as sa

from caseway.model.access import ALL_SCOPES
from caseway.model.errors import CasewayError
from caseway.platform.access import passwords
from caseway.platform.access.tokens import NewToken, issue
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.tables import login_attempts, memberships, users

SESSION = timedelta(hours=12)
WINDOW = timedelta(minutes=15)
# A person from one place; one place, whoever it says it is; a person from anywhere: so that nobody can shut
# out somebody else by failing in their name.
PAIR, PLACE, PERSON = 5, 30, 100


def sign_in(
    platform: Platform, name: str, password: str, *, organization: str = "", client: str = ""
) -> tuple[str, datetime]:
    """A session's token and when it ends. `client` is where the try came from.

    Raises `CasewayError`: `unauthenticated` (without saying what was wrong), `too-many-requests`."""
    now = platform.clock()
    try:
        _count(platform, name, client, now)
    except sa.exc.IntegrityError:  # the first two tries came at the same moment
        _count(platform, name, client, now)
    with platform.database.reading() as connection:
        user = connection.execute(sa.select(users).where(users.c.name == name)).one_or_none()
    is_right = passwords.is_right(password, user.password if user is not None else None)
    if user is None or not is_right or user.is_disabled:
        raise CasewayError("name or password is wrong", code="unauthenticated")
    home = home_of(platform, user.id, organization)
    stronger = passwords.hashed(password) if passwords.is_outdated(user.password) else None
    with platform.database.writing() as connection:
        connection.execute(sa.delete(login_attempts).where(login_attempts.c.name == _key(name, client)))
        if stronger:
            connection.execute(sa.update(users).where(users.c.id == user.id).values(password=stronger))
        return open_session(connection, platform, user, home)


def home_of(platform: Platform, user_id: str, organization: str) -> str:
    """The organization a person signs in to: the one asked for, else the only one they have."""
    query = sa.select(memberships.c.organization).where(memberships.c.user_id == user_id)
    with platform.database.reading() as connection:
        homes = connection.scalars(query.order_by(memberships.c.organization)).all()
    if organization and organization in homes:
        return organization
    if len(homes) == 1 and not organization:
        return str(homes[0])
    if homes and not organization:
        raise CasewayError(
            "you belong to several organizations",
            code="organization",
            hint=f"say which: --organization, one of {', '.join(homes)}",
        )
    raise CasewayError("name or password is wrong", code="unauthenticated")


def open_session(
    connection: sa.Connection, platform: Platform, user: Row, organization: str
) -> tuple[str, datetime]:
    """A session for somebody who has proven who they are."""
    by = By(organization, user.name, platform.clock())
    until = by.at + SESSION
    new = NewToken("session", organization, "", ALL_SCOPES, "", until, user_id=user.id)
    _, secret = issue(connection, platform, new, by)
    connection.execute(sa.update(users).where(users.c.id == user.id).values(last_login_at=by.at))
    note(connection, by, ("login", "user", user.name))
    return secret, until


def sweep_attempts(platform: Platform) -> None:
    """Forget tries that count no longer."""
    over = platform.clock() - WINDOW
    with platform.database.writing() as connection:
        connection.execute(sa.delete(login_attempts).where(login_attempts.c.first_at <= over))


def _count(platform: Platform, name: str, client: str, now: datetime) -> None:
    limits = ((_key(name, client), PAIR), (_key("", client), PLACE), (_key(name, "*"), PERSON))
    with platform.database.writing() as connection:
        rows = {
            row.name: row
            for row in connection.execute(
                sa.select(login_attempts)
                .where(login_attempts.c.name.in_([key for key, _ in limits]))
                .order_by(login_attempts.c.name)
                .with_for_update()
            )
        }
        blocked = [
            rows[key].first_at + WINDOW
            for key, limit in limits
            if key in rows and rows[key].first_at + WINDOW > now and rows[key].failures >= limit
        ]
        if not blocked:
            for key, _ in limits:
                _add(connection, rows.get(key), key, now)
    if blocked:
        raise CasewayError(
            "too many tries",
            code="too-many-requests",
            hint=f"try again after {max(blocked):%H:%M:%S} UTC",
        )


def _add(connection: sa.Connection, row: Row | None, key: str, now: datetime) -> None:
    if row is None:
        connection.execute(sa.insert(login_attempts).values(name=key, failures=1, first_at=now))
        return
    is_over = row.first_at + WINDOW <= now
    values = {"failures": 1, "first_at": now} if is_over else {"failures": row.failures + 1}
    connection.execute(sa.update(login_attempts).where(login_attempts.c.name == key).values(**values))


def _key(name: str, client: str) -> str:
    return hashlib.sha256(f"{name}\n{client}".encode("utf-8", "surrogatepass")).hexdigest()
