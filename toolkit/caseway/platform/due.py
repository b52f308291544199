"""When a schedule trigger fires next. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")


def next_due(trigger: JsonObject, after: datetime) -> datetime | None:
    """The first firing later than `after` (UTC), None when there is none.

    `cron` is read in the trigger's `timezone`: a time that the clocks skip fires once after the gap, one that
    they repeat fires once. `every` counts from `after`. Raises `CasewayError` (`schedule`)."""
    if "every" in trigger:
        return after + every(str(trigger["every"]))
    zone = _zone(str(trigger.get("timezone") or "UTC"))
    try:
        found = next(CronSim(str(trigger.get("cron") or ""), after.astimezone(zone)), None)
    except CronSimError as error:
        raise CasewayError(
            f"the schedule {trigger.get('cron')!r} cannot be read: {error}",
            code="schedule",
            hint='cron has five fields, e.g. "0 2 * * *"',
        ) from error
    return None if found is None else found.astimezone(UTC)


def every(text: str) -> timedelta:
    """The duration of `15m`; raises `CasewayError` (`schedule`)."""
    found = _DURATION.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise CasewayError(f"{text!r} is not an interval", code="schedule", hint="e.g. 15m")
    return timedelta(seconds=int(found[1]) * SECONDS[found[2]])


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise CasewayError(
            f"there is no time zone {name!r}", code="schedule", hint="use an IANA name, e.g. Europe/Berlin"
        ) from error
