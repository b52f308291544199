"""Who may change the platform now. A lease expires, its token only rises, a stale token changes nothing."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform.bundle import Platform
from caseway.platform.tables import leases

APPLY = "apply"
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to change what `name` guards, while `token` is the latest."""

    name: str
    owner: str
    token: int
    seconds: float


@contextmanager
def hold(platform: Platform, *, name: str = APPLY, seconds: float = SECONDS) -> Iterator[Lease]:
    """The lease, renewed in the background and given back at the end.

    Raises `CasewayError` (`lease-held`) naming the holder and until when."""
    lease = acquire(platform, name=name, seconds=seconds)
    stop = threading.Event()
    heart = threading.Thread(target=_beat, args=(platform, lease, stop), daemon=True, name=f"lease-{name}")
    heart.start()
    try:
        yield lease
    finally:
        stop.set()
        heart.join()
        release(platform, lease)


def acquire(platform: Platform, *, name: str = APPLY, seconds: float = SECONDS) -> Lease:
    """Take the lease when it is free, expired, or held by a process of this machine that has died."""
    try:
        return _take(platform, name, seconds)
    except sa.exc.IntegrityError:  # another process made the row first: now it is there to be judged
        return _take(platform, name, seconds)


def _take(platform: Platform, name: str, seconds: float) -> Lease:
    now = platform.clock()
    with platform.database.writing() as connection:
        row = connection.execute(
            sa.select(leases).where(leases.c.name == name).with_for_update()
        ).one_or_none()
        is_held = row is not None and row.expires_at is not None and row.expires_at > now
        if row is not None and is_held and not is_dead(row.owner, platform.holder):
            raise _held(row.owner, row.acquired_at, row.expires_at)
        token = 1 if row is None else row.token + 1
        values = {
            "owner": platform.holder,
            "token": token,
            "acquired_at": now,
            "expires_at": now + timedelta(seconds=seconds),
        }
        if row is None:
            connection.execute(sa.insert(leases).values(name=name, **values))
        else:
            connection.execute(sa.update(leases).where(leases.c.name == name).values(**values))
    return Lease(name, platform.holder, token, seconds)


# Part of every transaction of an apply, so built once.
_RENEW = (
    sa.update(leases)
    .where(leases.c.name == sa.bindparam("held"), leases.c.token == sa.bindparam("as"))
    .values(expires_at=sa.bindparam("until"))
)


def confirm(connection: sa.Connection, lease: Lease, now: datetime) -> None:
    """Fence this transaction: the lease is renewed within it, or `CasewayError` (`lease-lost`) undoes it."""
    until = now + timedelta(seconds=lease.seconds)
    renewed = connection.execute(_RENEW, {"held": lease.name, "as": lease.token, "until": until})
    if renewed.rowcount == 1:
        return
    row = connection.execute(sa.select(leases).where(leases.c.name == lease.name)).one_or_none()
    raise CasewayError(
        f"the {lease.name} lease was taken over by {row.owner if row else 'nobody known'}",
        code="lease-lost",
        hint="another process took over while this one was away; plan and apply again",
    )


def release(platform: Platform, lease: Lease) -> None:
    """Give it back; nothing happens when somebody else has it by now."""
    with platform.database.writing() as connection:
        connection.execute(
            sa.update(leases)
            .where(leases.c.name == lease.name, leases.c.token == lease.token)
            .values(expires_at=None)
        )


def _beat(platform: Platform, lease: Lease, stop: threading.Event) -> None:
    """Renew at a third of the time; a lost lease ends the beat, and the next transaction says so."""
    while not stop.wait(lease.seconds / 3):
        try:
            with platform.database.writing() as connection:
                confirm(connection, lease, platform.clock())
        except (CasewayError, sa.exc.DBAPIError):
            return


def _held(owner: str, since: datetime, until: datetime) -> CasewayError:
    return CasewayError(
        f"{owner} is changing this platform since {since:%H:%M:%S} UTC",
        code="lease-held",
        hint=f"wait for it to end; if it has died, its lease ends at {until:%H:%M:%S} UTC",
    )


def is_dead(owner: str, mine: str) -> bool:
    """True when `owner` was a process of this very machine that runs no longer; other machines: unknown."""
    host, _, number = owner.rpartition(":")
    if host != mine.rpartition(":")[0] or not number.isdigit() or owner == mine:
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
