"""Waiting for others who are at work on the same platform, for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from caseway.model.errors import CasewayError

BUSY = frozenset({"lease-held", "plan-stale"})  # errors that pass when somebody else is done
PATIENCE, PAUSE = 60.0, 0.2  # seconds: then it is an error

T = TypeVar("T")
Pause = Callable[[float], None]


def patiently(attempt: Callable[[], T], pause: Pause) -> T:
    """What `attempt` gives, tried again while others are at work."""
    for _ in range(int(PATIENCE / PAUSE)):
        try:
            return attempt()
        except CasewayError as error:
            if error.code not in BUSY:
                raise
        pause(PAUSE)
    return attempt()
