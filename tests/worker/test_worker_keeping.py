"""What workers keep in order: events and rate limits that say nothing any more are gone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from caseway.platform import inbox, lease
from caseway.platform.compose import open_platform
from caseway.platform.journal import JournalWriter
from caseway.platform.tables import events, rate_limits
from caseway.platform.triggers.doors import Rate
from caseway.platform.triggers.rates import Rates
from caseway.targets.registry import TARGETS
from caseway.worker.fire import keep
from caseway.worker.housekeeping import EVENTS_KEPT, LEASE, keep_house
from caseway.worker.run import Worker


def test_a_worker_forgets_old_events_and_unused_limits_unless_another_is_at_it(tmp_path: Path) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    url = f"sqlite:///{tmp_path}/state.db"
    with (
        open_platform(url, targets=TARGETS, clock=lambda: now, holder="one@else:1") as platform,
        open_platform(url, targets=TARGETS, clock=lambda: now, holder="two@else:2") as other,
    ):

        def left() -> tuple[int, ...]:
            with platform.database.reading() as connection:
                counts = (sa.select(sa.func.count()).select_from(table) for table in (events, rate_limits))
                return tuple(connection.scalar(count) or 0 for count in counts)

        inbox.deliver(platform, "acme", {"id": "1", "source": "urn:a", "type": "t"}, actor="ann")
        Rates(platform).take("a", Rate(1, 60, 1, by_address=False))
        keep_house(platform)
        assert left() == (1, 1)

        now += EVENTS_KEPT + timedelta(hours=1)
        held = lease.acquire(other, name=LEASE)
        assert keep_house(platform) == {}
        assert left() == (1, 1)

        lease.release(other, held)

        async def one_turn() -> None:
            ending = asyncio.Event()
            asyncio.get_running_loop().call_later(0.01, ending.set)
            with JournalWriter(platform.database) as writer:
                await keep(Worker(platform, writer), ending)

        asyncio.run(one_turn())
        assert left() == (0, 0)
