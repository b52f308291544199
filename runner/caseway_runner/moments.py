"""Moments as RFC 3339 text in UTC: how the journal and the records write time. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def stamp(moment: datetime) -> str:
    """`moment` as RFC 3339 in UTC."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat()[:-6] + "Z"


def moment(text: str) -> datetime:
    """The moment that `stamp` wrote."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def time_descriptor(text: str) -> dict[str, Any]:
    """A time as the DSL's dateTimeDescriptor."""
    epoch = moment(text).timestamp()
    return {"iso8601": text, "epoch": {"seconds": int(epoch), "milliseconds": int(epoch * 1000)}}
