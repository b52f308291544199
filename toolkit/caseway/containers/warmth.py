"""How many containers of a deployment are kept ready, and when. Pure: no clock, no effects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Mode(StrEnum):
    """`on-demand`: every execution gets a container of its own. `idle-shutdown`: a container stays for the
    next one, until nothing came for a while. `scheduled`: some are kept ready in a window of the day.
    `always-on`: some are kept ready at any time."""

    ON_DEMAND = "on-demand"
    IDLE_SHUTDOWN = "idle-shutdown"
    SCHEDULED = "scheduled"
    ALWAYS_ON = "always-on"


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` until `end` (over midnight when that is earlier) on the days on which it starts."""

    start: time
    end: time
    days: frozenset[str] = frozenset(DAYS)
    timezone: str = "UTC"

    def is_open(self, now: datetime) -> bool:
        """Whether `now` (aware) lies within."""
        local = now.astimezone(ZoneInfo(self.timezone))
        clock, today = local.time().replace(tzinfo=None), DAYS[local.weekday()]
        if self.start <= self.end:
            return today in self.days and self.start <= clock < self.end
        yesterday = DAYS[local.weekday() - 1]
        return (today in self.days and clock >= self.start) or (yesterday in self.days and clock < self.end)


@dataclass(frozen=True, slots=True)
class Warmth:
    """At least `least` (when the mode keeps some) and at most `most` containers wait for work; those beyond
    `least` go after `idle_seconds` without any."""

    mode: Mode = Mode.ON_DEMAND
    least: int = 1
    most: int = 1
    idle_seconds: float = 300.0
    window: Window | None = None

    @property
    def keeps_any(self) -> bool:
        """Whether a container may stay for the next execution."""
        return self.mode is not Mode.ON_DEMAND

    def least_at(self, now: datetime) -> int:
        """How many must be ready at that moment."""
        match self.mode:
            case Mode.ALWAYS_ON:
                return min(self.least, self.most)
            case Mode.SCHEDULED:
                is_open = self.window is not None and self.window.is_open(now)
                return min(self.least, self.most) if is_open else 0
            case Mode.ON_DEMAND | Mode.IDLE_SHUTDOWN:
                return 0
