"""When a schedule trigger fires next. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice, takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.model.quantities import seconds

_RHYTHMS = 20  # how many times its own rhythm a schedule may pause, as at night, and still be found quickly


def next_due(trigger: JsonObject, after: datetime) -> datetime | None:
    """The first firing later than `after` (UTC), None when there is none.

    `cron` is read in the trigger's `timezone`. A fixed time of day that the clocks skip fires once, right
    after the gap; one that they repeat fires once, the first time. Where hour or minute begin with `*` the
    time that passes counts: such a schedule fires twice in a repeated hour and never in a skipped one.
    `every` counts from `after`, and so does an `after` of the trigger, which gives but one. Raises
    `CasewayError` (`schedule`)."""
    return next(_firings(trigger, after), None)


def upcoming(trigger: JsonObject, after: datetime, number: int = 5) -> list[datetime]:
    """The first few firings later than `after`."""
    return list(islice(_firings(trigger, after), number))


def missed(trigger: JsonObject, first: datetime, now: datetime, most: int) -> list[datetime]:
    """The firings from `first`, which is one, to `now`: the last `most` of them, oldest first."""
    begin = next_due(trigger, first)
    if begin is None or begin > now:
        return [first]
    # A long time may have passed: look at its end before counting through all of it.
    near = now - (begin - first) * most * _RHYTHMS
    if "every" not in trigger and near > first:
        found = _until(trigger, near, now, most)
        if len(found) == most:
            return found
    if "every" in trigger:
        length = every(str(trigger["every"]))
        late = first + ((now - first) // length) * length
        return [at for step in range(most - 1, -1, -1) if (at := late - step * length) >= first]
    return [first, *_until(trigger, first, now, most)][-most:]


def _until(trigger: JsonObject, after: datetime, now: datetime, most: int) -> list[datetime]:
    return list(deque(takewhile(lambda at: at <= now, _firings(trigger, after)), most))


def _firings(trigger: JsonObject, after: datetime) -> Iterator[datetime]:
    """All firings later than `after`, in UTC, each later than the one before."""
    if "after" in trigger:
        yield after + every(str(trigger["after"]))
        return
    if "every" in trigger:
        length = every(str(trigger["every"]))
        yield from (after + number * length for number in count(1))
    zone = _zone(str(trigger.get("timezone") or "UTC"))
    last = after
    try:
        for found in CronSim(str(trigger.get("cron") or ""), after.astimezone(zone)):
            at = found.astimezone(UTC)
            if at > last:  # within a repeated hour cronsim names the first pass, which is over
                yield at
                last = at
    except CronSimError as error:
        raise CasewayError(
            f"the schedule {trigger.get('cron')!r} cannot be read: {error}",
            code="schedule",
            hint='cron has five fields, e.g. "0 2 * * *"',
        ) from error


def every(text: str) -> timedelta:
    """The duration of `15m`; raises `CasewayError` (`schedule`)."""
    try:
        length = timedelta(seconds=seconds(text))
    except (CasewayError, OverflowError):
        length = timedelta(0)
    if length <= timedelta(0):
        raise CasewayError(f"{text!r} is not an interval", code="schedule", hint="e.g. 15m")
    return length


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise CasewayError(
            f"there is no time zone {name!r}", code="schedule", hint="use an IANA name, e.g. Europe/Berlin"
        ) from error
