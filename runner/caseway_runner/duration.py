"""Durations of the DSL: inline objects and ISO 8601 strings, as seconds. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

_UNITS = {"days": 86_400.0, "hours": 3_600.0, "minutes": 60.0, "seconds": 1.0, "milliseconds": 0.001}
_NUMBER = r"(\d{1,15}(?:\.\d{1,9})?)"
_ISO = re.compile(
    rf"^P(?!$)(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=\d)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?$"
)
# A calendar year and month have no fixed length; ISO durations here count 365 and 30 days.
_ISO_SECONDS = (365 * 86_400.0, 30 * 86_400.0, 7 * 86_400.0, 86_400.0, 3_600.0, 60.0, 1.0)
MAX_SECONDS = 100 * 365 * 86_400.0


def parse_duration(value: Any) -> float:
    """Seconds of an inline or ISO 8601 duration. Raises ValueError with what is wrong."""
    if isinstance(value, str):
        seconds = _iso(value)
    elif isinstance(value, Mapping):
        seconds = _inline(value)
    else:
        raise ValueError("expected an ISO 8601 duration such as PT30S or an object such as {seconds: 30}")
    if not math.isfinite(seconds) or seconds > MAX_SECONDS:
        raise ValueError("a duration may not be longer than 100 years")
    return seconds


def _iso(text: str) -> float:
    match = _ISO.match(text)
    if match is None or text.endswith("T"):
        raise ValueError(f"'{text[:60]}' is not an ISO 8601 duration such as PT30S")
    return sum(float(n) * unit for n, unit in zip(match.groups(), _ISO_SECONDS, strict=True) if n)


def _inline(value: Mapping[str, Any]) -> float:
    if not value:
        raise ValueError("an inline duration needs at least one of " + ", ".join(_UNITS))
    total = 0.0
    for key, amount in value.items():
        if key not in _UNITS:
            raise ValueError(f"'{key}' is not one of " + ", ".join(_UNITS))
        if isinstance(amount, bool) or not isinstance(amount, int) or amount < 0:
            raise ValueError(f"{key} must be a whole number, not negative")
        if amount > MAX_SECONDS * 1000:
            raise ValueError("a duration may not be longer than 100 years")
        total += amount * _UNITS[key]
    return total
