"""What a server keeps for a while only, and forgets once its time is over, whether or not anybody asks again.

Rule: only rows whose own time is over; what needs more thought (tokens, artifacts) says itself when."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlalchemy as sa

from caseway.platform import applies, artifact_moving, artifacts, event_starts
from caseway.platform.access import assertions, login, tokens
from caseway.platform.bundle import Platform
from caseway.platform.tables import metadata

ROUNDS = 20  # batches of one turn: then others may have the lease
SWEPT = ("idempotency_keys", "blobs", "plans", "sign_ins")


def sweep(platform: Platform) -> Mapping[str, int]:
    """Forget what is over: answers, uploads, plans, sign-ins, tokens, applies, gatherings, artifacts."""
    now = platform.clock()
    gone = {}
    for name in SWEPT:
        table = metadata.tables[name]
        with platform.database.writing() as connection:
            gone[name] = int(connection.execute(sa.delete(table).where(table.c.expires_at <= now)).rowcount)
    assertions.sweep_spent(platform)
    login.sweep_attempts(platform)
    gone["tokens"] = _in_batches(platform, tokens.sweep)
    gone["applies"] = _in_batches(platform, applies.sweep)
    gone["gatherings"] = _in_batches(platform, event_starts.sweep)
    gone["moved"] = _in_batches(platform, artifact_moving.move)
    gone["artifacts"] = _in_batches(platform, artifacts.collect)
    gone["objects"] = _in_batches(platform, artifact_moving.tidy)
    return gone


def _in_batches(platform: Platform, forget: Callable[[Platform], int]) -> int:
    done = 0
    for _ in range(ROUNDS):
        some = forget(platform)
        done += some
        if not some:
            break
    return done
