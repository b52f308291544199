"""Moments as RFC 3339 text in UTC: how the journal and the records write time. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any


def stamp(moment: datetime) -> str:
    """`moment` as RFC 3339 in UTC."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    second = _second(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    return f"{second}.{moment.microsecond:06d}Z" if moment.microsecond else second + "Z"


@lru_cache(maxsize=16)
def _second(*parts: int) -> str:
    """The text of a second: thousands of tasks start and end within one."""
    return datetime(*parts).isoformat()  # type: ignore[arg-type]


def moment(text: str) -> datetime:
    """The moment that `stamp` wrote."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def time_descriptor(text: str) -> dict[str, Any]:
    """A time as the DSL's dateTimeDescriptor."""
    epoch = moment(text).timestamp()
    return {"iso8601": text, "epoch": {"seconds": int(epoch), "milliseconds": int(epoch * 1000)}}
