"""An assertion of identity for a token that nobody has to keep: what CI shows instead of a stored secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform.access.assertions import ends, issuer_of, name_of, spend, verified
from caseway.platform.access.issuers import Fetch, fetch_json
from caseway.platform.access.tokens import NewToken, issue
from caseway.platform.access.trust import is_fitting, rules_for
from caseway.platform.audit import By
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.tables import trusts


@dataclass(frozen=True, slots=True)
class Exchanged:
    """The token for an assertion, by which rule, and what it is good for."""

    secret: str
    trust: str
    organization: str
    project: str
    scopes: tuple[str, ...]
    expires_at: datetime


def exchange(
    platform: Platform,
    assertion: str,
    *,
    organization: str = "",
    project: str = "",
    scopes: Sequence[str] = (),
    fetch: Fetch = fetch_json,
) -> Exchanged:
    """A token for an assertion that a trust rule fits. `organization`, `project` and `scopes` say which rule
    is meant when several fit; the first by name is taken.

    Raises `CasewayError`: `unauthenticated`, `forbidden` (good, but no rule fits), `issuer`."""
    issuer = issuer_of(assertion)
    with platform.database.reading() as connection:
        rules = [row for row in rules_for(connection, issuer) if organization in {"", row.organization}]
    if not rules:  # its keys are not even asked for
        raise CasewayError(
            "no trust rule names the issuer of this assertion",
            code="unauthenticated",
            hint="an admin adds one: caseway trust add",
        )
    claims = verified(platform, assertion, rules[0].issuer, {row.audience for row in rules}, fetch)
    rule = _choose(rules, claims, project, scopes)
    by = By(rule.organization, called(claims), platform.clock())
    until = by.at + timedelta(seconds=rule.seconds)
    new = NewToken(
        "exchanged",
        rule.organization,
        by.actor,
        rule.scopes,
        rule.project or project,
        until,
        trust_id=rule.id,
    )
    with platform.database.writing() as connection:
        spend(connection, name_of(assertion, issuer, claims), ends(claims))
        _, secret = issue(connection, platform, new, by)
        connection.execute(sa.update(trusts).where(trusts.c.id == rule.id).values(last_used_at=by.at))
    return Exchanged(secret, rule.name, rule.organization, new.project, tuple(rule.scopes), until)


def called(claims: Mapping[str, Any]) -> str:
    """Who it is, for the audit: the repository and its ref, else the subject."""
    repository, ref = claims.get("repository"), claims.get("ref")
    told = f"{repository}@{ref}" if isinstance(repository, str) and ref else str(claims.get("sub"))
    return told[:200]


def _choose(rules: Sequence[Row], claims: Mapping[str, Any], project: str, scopes: Sequence[str]) -> Row:
    heard = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    fitting = [
        row
        for row in rules
        if row.audience in heard
        and is_fitting(claims, row.claims)
        and (row.project == "" or project in {"", row.project})
        and set(scopes) <= set(row.scopes)
    ]
    if fitting:
        return fitting[0]
    shown = {
        name: claims[name]
        for name in ("repository", "ref", "environment", "event_name", "sub")
        if isinstance(claims.get(name), str)
    }
    told = ", ".join(f"{name} {value[:100]}" for name, value in shown.items())
    raise CasewayError(
        "the assertion is good, but no trust rule fits it",
        code="forbidden",
        place=str(claims.get("repository") or claims["sub"])[:200],
        hint=f"it says: {told}; see `caseway trust list`",
    )
