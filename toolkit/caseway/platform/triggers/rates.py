"""Rate limits: a bucket of tokens, kept as the one moment at which it will be full again.

Rule: the database decides, in one statement, for all processes; what it refused is remembered here until the
wait is over, so that a flood costs no write."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from caseway.platform.bundle import Platform
from caseway.platform.tables import rate_limits
from caseway.platform.triggers.doors import Rate

_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Rates:
    """The limits of a platform as one process sees them."""

    platform: Platform
    _closed: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def take(self, name: str, rate: Rate) -> float:
        """Take one token; 0 when there was one, else the seconds until there is."""
        now = self.platform.clock().timestamp()
        until = self._closed.get(name, 0.0)
        if until > now:
            return until - now
        wait = _take(self.platform, name, rate, now)
        if wait > 0:
            self._closed[name] = now + wait
            self._closed.move_to_end(name)
            while len(self._closed) > _REMEMBERED:
                self._closed.popitem(last=False)
        return wait


def _take(platform: Platform, name: str, rate: Rate, now: float) -> float:
    """A token costs `rate.seconds / rate.requests`; as many as `rate.burst` may be owed."""
    cost = rate.seconds / rate.requests
    most = cost * (rate.burst - 1) + min(cost / 2, 0.001)  # seconds since 1970 have no more digits than that
    spent = sa.case((rate_limits.c.spent_until > now, rate_limits.c.spent_until), else_=now)
    with platform.database.writing() as connection:
        insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        statement = (
            insert(rate_limits)
            .values(name=name, spent_until=now + cost)
            .on_conflict_do_update(
                index_elements=[rate_limits.c.name],
                set_={"spent_until": spent + cost},
                where=rate_limits.c.spent_until - most <= now,
            )
            .returning(rate_limits.c.spent_until)
        )
        if connection.execute(statement).first() is not None:
            return 0.0
        found = connection.scalar(sa.select(rate_limits.c.spent_until).where(rate_limits.c.name == name))
    return max(round(float(found or now) - cost * (rate.burst - 1) - now, 3), 0.001)


def forget_unused(platform: Platform, moment: datetime) -> int:
    """Drop what was full again before `moment`: it says nothing any more; how many."""
    with platform.database.writing() as connection:
        old = rate_limits.c.spent_until < moment.timestamp()
        return int(connection.execute(sa.delete(rate_limits).where(old)).rowcount)
