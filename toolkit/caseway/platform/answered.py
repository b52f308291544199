"""Answers kept under the idempotency keys they were asked with.

Rule: a key is begun before the work and kept after it; what was begun and never kept may be begun again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform.bundle import Platform
from caseway.platform.lease import is_dead
from caseway.platform.lookup import Row
from caseway.platform.tables import idempotency_keys
from caseway.platform.tables.types import to_text

KEPT = timedelta(hours=24)
UNDER_WAY = timedelta(minutes=10)  # a request that takes longer was lost with its server


@dataclass(frozen=True, slots=True)
class Question:
    """Who asked under which key; `request` is a digest of what was asked."""

    organization: str
    caller: str
    key: str
    request: str
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered."""

    status: int
    body: Any


def begin(platform: Platform, asked: Question) -> Answered | None:
    """The answer that was given before; None when the work is the caller's to do now.

    Raises `CasewayError`: `idempotency-key-reused` for another request, `idempotency-in-progress`."""
    now = platform.clock()
    values = {
        "request": asked.request,
        "holder": platform.holder,
        "status": None,
        "body": None,
        "is_encrypted": False,
        "expires_at": now + UNDER_WAY,
    }
    try:
        with platform.database.writing() as connection:
            connection.execute(sa.delete(idempotency_keys).where(idempotency_keys.c.expires_at <= now))
            row = connection.execute(sa.select(idempotency_keys).where(*_this(asked))).one_or_none()
            if row is not None and not _is_lost(platform, row):
                return _known(platform, asked, row)
            connection.execute(sa.delete(idempotency_keys).where(*_this(asked)))
            connection.execute(sa.insert(idempotency_keys).values(**_names(asked), **values))
    except sa.exc.IntegrityError as error:  # the same key arrived twice at once: the other one does the work
        raise _under_way(asked) from error
    return None


def keep(platform: Platform, asked: Question, status: int, body: Any) -> None:
    """Remember what was answered, for a day."""
    text = to_text(body)
    kept = platform.keyring().encrypt(text.encode("utf-8")) if asked.is_secret else text
    with platform.database.writing() as connection:
        connection.execute(
            sa.update(idempotency_keys)
            .where(*_this(asked))
            .values(
                status=status, body=kept, is_encrypted=asked.is_secret, expires_at=platform.clock() + KEPT
            )
        )


def forget(platform: Platform, asked: Question) -> None:
    """What was begun did not come to an answer worth keeping: the same may be asked again."""
    with platform.database.writing() as connection:
        connection.execute(
            sa.delete(idempotency_keys).where(*_this(asked), idempotency_keys.c.status.is_(None))
        )


def _known(platform: Platform, asked: Question, row: Row) -> Answered:
    if row.request != asked.request:
        raise CasewayError(
            "this idempotency key was used for another request",
            code="idempotency-key-reused",
            place=asked.key,
            hint="take a new key for a new request",
        )
    if row.status is None:
        raise _under_way(asked)
    text = platform.keyring().decrypt(row.body).decode("utf-8") if row.is_encrypted else row.body
    return Answered(row.status, json.loads(text))


def _under_way(asked: Question) -> CasewayError:
    return CasewayError(
        "a request with this idempotency key is under way",
        code="idempotency-in-progress",
        place=asked.key,
        hint="ask again in a moment",
    )


def _is_lost(platform: Platform, row: Row) -> bool:
    return row.status is None and is_dead(row.holder, platform.holder)


def _names(asked: Question) -> dict[str, str]:
    return {"organization": asked.organization, "caller": asked.caller, "key": asked.key}


def _this(asked: Question) -> tuple[Any, ...]:
    return tuple(idempotency_keys.c[name] == value for name, value in _names(asked).items())
