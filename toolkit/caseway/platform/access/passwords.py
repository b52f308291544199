"""Passwords: argon2id, never stored otherwise, and checked for as long when there is nobody of that name."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from caseway.model.errors import CasewayError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 12, 1024


def hashed(password: str) -> str:
    """The hash to keep; raises `CasewayError` (`password`) when it is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise CasewayError(
            f"a password has {SHORTEST} to {LONGEST} characters", code="password", hint="choose another one"
        )
    return _hasher().hash(password)


def is_right(password: str, stored: str | None) -> bool:
    """Whether the password is the one of the hash; without a hash it takes as long and is not."""
    from argon2.exceptions import Argon2Error, InvalidHashError  # noqa: PLC0415 - only the server has it

    try:
        _hasher().verify(stored or _nobodys(), password[:LONGEST])
    except (Argon2Error, InvalidHashError):
        return False
    return stored is not None and len(password) <= LONGEST


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with weaker parameters than are used now."""
    return _hasher().check_needs_rehash(stored)


@cache
def _hasher() -> PasswordHasher:
    try:
        from argon2 import PasswordHasher  # noqa: PLC0415 - only the server has it
    except ImportError as error:
        raise CasewayError(
            "passwords need argon2",
            code="missing-extra",
            hint="install caseway[server]",
        ) from error
    return PasswordHasher()


@cache
def _nobodys() -> str:
    return _hasher().hash("there is nobody of that name")
