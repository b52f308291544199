"""Assertions of identity (JSON Web Tokens): whether one is what it says. Nothing in it is believed before.

The rule: the algorithm is one of ours and suits the key; who signed, for whom and until when are checked."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform.access.issuers import Fetch, fetch_json, key_of
from caseway.platform.bundle import Platform
from caseway.platform.tables import spent

ALGORITHMS: Mapping[str, str] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
    "EdDSA": "OKP",
}
LONGEST = 16 * 1024
LEEWAY = timedelta(seconds=60)
OLDEST = timedelta(hours=24)


def issuer_of(assertion: str) -> str:
    """Who it says has signed it, not believed yet. Raises `CasewayError` (`unauthenticated`)."""
    import jwt  # noqa: PLC0415 - only the server has it

    if len(assertion) > LONGEST:
        raise _refused("it is too long")
    try:
        told = jwt.decode(assertion, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise _refused("it is no JSON Web Token") from error
    issuer = told.get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise _refused("it does not say who has signed it")
    return issuer


def verified(
    platform: Platform, assertion: str, issuer: str, audiences: Collection[str], fetch: Fetch = fetch_json
) -> Mapping[str, Any]:
    """The claims of an assertion that `issuer` signed for one of `audiences` and that is good now.

    Raises `CasewayError` (`unauthenticated`, `issuer`)."""
    import jwt  # noqa: PLC0415 - only the server has it

    try:
        head = jwt.get_unverified_header(assertion)
        algorithm, key_id = str(head.get("alg", "")), str(head.get("kid", ""))
        if algorithm not in ALGORITHMS:
            raise _refused(f"it is signed with {algorithm[:20]!r}")
        key = key_of(platform, issuer, key_id, fetch)
        if key.get("kty") != ALGORITHMS[algorithm] or key.get("alg", algorithm) != algorithm:
            raise _refused("its algorithm does not suit its key")
        claims = jwt.decode(
            assertion,
            jwt.PyJWK.from_dict(dict(key), algorithm),
            algorithms=[algorithm],
            audience=list(audiences),
            issuer=[issuer, issuer.rstrip("/"), issuer.rstrip("/") + "/"],
            options={
                "require": ["exp", "iat", "iss", "aud", "sub"],
                "verify_exp": False,  # by the platform's clock, below
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except jwt.InvalidAudienceError as error:
        raise _refused("it is for another audience") from error
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise _refused(type(error).__name__) from error
    _check_times(claims, platform.clock())
    return claims


def spend(connection: sa.Connection, name: str, until: datetime) -> None:
    """Take what may be shown once; raises `CasewayError` (`unauthenticated`) the second time."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(spent).values(digest=digest, expires_at=until))
    except sa.exc.IntegrityError as error:
        raise _refused("it was used before") from error


def name_of(assertion: str, issuer: str, claims: Mapping[str, Any]) -> str:
    """What says that two assertions are one: the id its issuer gave it, else all of it."""
    told = claims.get("jti")
    return f"{issuer}\n{told}" if isinstance(told, str) and told else assertion.rpartition(".")[0]


def ends(claims: Mapping[str, Any]) -> datetime:
    """When it is good no longer."""
    return datetime.fromtimestamp(float(claims["exp"]), UTC) + LEEWAY


def sweep_spent(platform: Platform) -> None:
    """Forget what could not be shown again anyhow."""
    with platform.database.writing() as connection:
        connection.execute(sa.delete(spent).where(spent.c.expires_at <= platform.clock()))


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    try:
        moments = {
            name: datetime.fromtimestamp(float(claims[name]), UTC)
            for name in ("exp", "iat", "nbf")
            if name in claims
        }
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise _refused("its times cannot be read") from error
    if moments["exp"] + LEEWAY <= now:
        raise _refused("it has expired")
    if max(moments["iat"], moments.get("nbf", moments["iat"])) > now + LEEWAY:
        raise _refused("it is not good yet")
    if moments["iat"] < now - OLDEST:
        raise _refused("it was made too long ago")


def _refused(why: str) -> CasewayError:
    return CasewayError(
        f"the assertion is refused: {why}",
        code="unauthenticated",
        hint="ask the issuer for a new one, for this server's audience",
    )
