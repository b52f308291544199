"""What a platform does for itself now and then: fold telemetry, export it, tell of it, forget what expired.

Rule: each task is done by whoever holds its lease; a process that finds it held looks again later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from caseway.model.errors import CasewayError
from caseway.platform import inbox, lease
from caseway.platform.bundle import Platform
from caseway.platform.intake import polls, watched
from caseway.platform.notices import notify
from caseway.platform.sweeping import sweep
from caseway.platform.telemetry.fold import fold
from caseway.platform.telemetry.keep import prune
from caseway.platform.triggers import rates

LEASE = "housekeeping"
SECONDS = 60.0
EVENTS_KEPT = timedelta(days=7)  # so long the same source and id are known to be the same event
ROUNDS = 25  # batches folded in one turn: then others may have the lease

Task = Callable[[Platform], object]


def fold_all(platform: Platform) -> int:
    """Fold what has ended, in batches; how many executions."""
    folded = 0
    for _ in range(ROUNDS):
        some = fold(platform)
        folded += some
        if not some:
            break
    return folded


def forget_events(platform: Platform) -> int:
    """Drop old events that nobody can take any more, in batches; how many."""
    before, forgotten = platform.clock() - EVENTS_KEPT, 0
    for _ in range(ROUNDS):
        some = inbox.forget_before(platform, before)
        forgotten += some
        if not some:
            break
    return forgotten


def forget_rates(platform: Platform) -> int:
    """Drop rate limits of which nothing is used; how many."""
    return rates.forget_unused(platform, platform.clock())


def keep_house(platform: Platform, further: Mapping[str, Task] | None = None) -> dict[str, object]:
    """One turn; what each task answered, empty when another process is at it."""
    tasks: dict[str, Task] = {"fold": fold_all, "notices": notify, "events": forget_events}
    tasks |= {"rates": forget_rates, "items": polls.forget_items, "leases": watched.forget_leases}
    tasks |= {**(further or {}), "prune": prune, "sweep": sweep}  # what was pruned uses no artifact any more
    try:
        held = lease.acquire(platform, name=LEASE, seconds=SECONDS)
    except CasewayError as error:
        if error.code != "lease-held":
            raise
        return {}
    try:
        return {name: task(platform) for name, task in tasks.items()}
    finally:
        lease.release(platform, held)
