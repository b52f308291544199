"""Trust rules: whose assertions of identity are taken for a token, of which project, with which scopes.

The rule: a rule that would trust everybody of an issuer is none; it must say who."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from caseway.model.access import Caller
from caseway.model.errors import CasewayError
from caseway.platform.access.people import by_of, changing, checked_name
from caseway.platform.access.service_accounts import checked_scopes
from caseway.platform.audit import note
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.tables import instant, trusts

GITHUB = "https://token.actions.githubusercontent.com"
WHO = ("repository", "repository_id", "sub", "project_path", "project_id", "email")
LONGEST = 3600  # seconds that a token is good which nobody has to keep
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class TrustView:
    """One rule: an assertion of `issuer` for `audience` whose claims match all of `claims` gives a token."""

    name: str
    issuer: str
    audience: str
    claims: Mapping[str, str]
    scopes: tuple[str, ...]
    project: str
    seconds: int
    created_at: str
    created_by: str
    last_used_at: str


def add_trust(  # noqa: PLR0913 - a rule says who, from where, to what end
    platform: Platform,
    caller: Caller,
    name: str,
    *,
    claims: Mapping[str, str],
    scopes: Sequence[str],
    project: str = "",
    issuer: str = GITHUB,
    audience: str = "caseway",
    seconds: int = LONGEST,
) -> TrustView:
    """A new rule. In a claim's pattern `*` stands for anything but `/`, `**` for anything.

    Raises `name`, `name-taken`, `scope`, `trust` (an issuer that is none, nobody or everybody named)."""
    checked_name(name, "trust rule")
    kept = checked_scopes(caller, scopes, project)
    wanted = {str(key): str(value) for key, value in claims.items()}
    _check(issuer, audience, wanted, seconds)
    by = by_of(platform, caller)
    with changing(platform, caller.organization) as connection:
        if _find(connection, caller.organization, name) is not None:
            raise CasewayError(f"there is a trust rule {name!r} already", code="name-taken", place=name)
        connection.execute(
            sa.insert(trusts).values(
                id=platform.ids(),
                organization=caller.organization,
                name=name,
                issuer=issuer.rstrip("/"),
                audience=audience,
                claims=wanted,
                scopes=kept,
                project=project,
                seconds=seconds,
                created_at=by.at,
                created_by=by.actor,
            )
        )
        note(
            connection,
            by,
            ("create", "trust", name),
            after={"issuer": issuer, "claims": wanted, "scopes": kept, "project": project},
        )
    return get_trust(platform, caller.organization, name)


def list_trusts(platform: Platform, organization: str) -> list[TrustView]:
    """The rules of an organization, by name."""
    query = sa.select(trusts).where(trusts.c.organization == organization).order_by(trusts.c.name)
    with platform.database.reading() as connection:
        return [_view(row) for row in connection.execute(query)]


def get_trust(platform: Platform, organization: str, name: str) -> TrustView:
    """One rule; raises `not-found`."""
    with platform.database.reading() as connection:
        return _view(_the_trust(connection, organization, name))


def remove_trust(platform: Platform, caller: Caller, name: str) -> None:
    """Forget a rule; the tokens it gave end with it."""
    by = by_of(platform, caller)
    with changing(platform, caller.organization) as connection:
        row = _the_trust(connection, caller.organization, name)
        connection.execute(sa.delete(trusts).where(trusts.c.id == row.id))
        note(connection, by, ("delete", "trust", name), before={"claims": row.claims, "scopes": row.scopes})


def rules_for(connection: sa.Connection, issuer: str) -> Sequence[Row]:
    """The rules that name an issuer, of any organization, in a fixed order."""
    query = sa.select(trusts).where(trusts.c.issuer == issuer.rstrip("/"))
    return connection.execute(query.order_by(trusts.c.organization, trusts.c.name)).all()


def is_fitting(claims: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    """Whether the claims of an assertion are what a rule wants. A claim that is not there fits nothing."""
    return bool(wanted) and all(_fits(claims.get(name), pattern) for name, pattern in wanted.items())


def is_safe_url(url: str) -> bool:
    """Whether a URL may be asked for keys: HTTPS, or plain HTTP to this very machine."""
    try:
        parts = urlsplit(url)
        is_plain = not (parts.query or parts.fragment or parts.username or parts.password)
        is_here = parts.scheme == "http" and parts.hostname in LOOPBACK
        return is_plain and bool(parts.hostname) and (parts.scheme == "https" or is_here)
    except ValueError:
        return False


def _fits(value: Any, pattern: str) -> bool:
    if isinstance(value, bool):
        value = str(value).lower()
    if not isinstance(value, (str, int)):
        return False
    parts = re.split(r"(\*\*?)", pattern)
    text = "".join({"*": "[^/]*", "**": ".*"}.get(part, re.escape(part)) for part in parts)
    return re.fullmatch(text, str(value), re.DOTALL) is not None


def _check(issuer: str, audience: str, claims: Mapping[str, str], seconds: int) -> None:
    if not is_safe_url(issuer):
        raise CasewayError(
            f"{issuer!r} is no issuer", code="trust", hint="give its HTTPS URL, such as " + GITHUB
        )
    if not audience:
        raise CasewayError("an assertion is for somebody", code="trust", hint="say the audience")
    named = [name for name in WHO if name in claims and set(claims[name]) - {"*", "/", ":"}]
    if not named:
        raise CasewayError(
            "the rule would trust everybody of this issuer",
            code="trust",
            hint=f"say who: a claim {', '.join(WHO[:-1])} or {WHO[-1]} that is not only stars",
        )
    if not 60 <= seconds <= LONGEST:
        raise CasewayError(f"a token of this kind is good for 60 to {LONGEST} seconds", code="trust")


def _find(connection: sa.Connection, organization: str, name: str) -> Row | None:
    return connection.execute(
        sa.select(trusts).where(trusts.c.organization == organization, trusts.c.name == name)
    ).one_or_none()


def _the_trust(connection: sa.Connection, organization: str, name: str) -> Row:
    row = _find(connection, organization, name)
    if row is None:
        raise CasewayError(
            f"there is no trust rule {name!r}", code="not-found", place=name, hint="see `caseway trust list`"
        )
    return row


def _view(row: Row) -> TrustView:
    return TrustView(
        **{name: getattr(row, name) for name in ("name", "issuer", "audience", "claims", "project")},
        scopes=tuple(row.scopes),
        seconds=row.seconds,
        created_at=instant(row.created_at),
        created_by=row.created_by,
        last_used_at=instant(row.last_used_at) if row.last_used_at else "",
    )
