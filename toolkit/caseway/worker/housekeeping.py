"""What a platform does for itself now and then: fold telemetry, export it, forget what has expired.

Rule: each task is done by whoever holds its lease; a process that finds it held looks again later."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from caseway.model.errors import CasewayError
from caseway.platform import lease
from caseway.platform.bundle import Platform
from caseway.platform.telemetry.fold import fold
from caseway.platform.telemetry.keep import prune

LEASE = "housekeeping"
SECONDS = 60.0
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


def keep_house(platform: Platform, further: Mapping[str, Task] | None = None) -> dict[str, object]:
    """One turn; what each task answered, empty when another process is at it."""
    tasks: dict[str, Task] = {"fold": fold_all, **(further or {}), "prune": prune}
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
