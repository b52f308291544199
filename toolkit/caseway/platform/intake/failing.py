"""What a source remembers of its troubles, and when it is tried again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from caseway.model.canonical import JsonObject
from caseway.platform.tables import instant

FIRST, MOST = 30.0, 3600.0  # seconds until the next try: doubled with each failure, up to an hour
LONGEST = 500  # characters of an error


def failed(state: JsonObject, error: str, now: datetime) -> dict[str, Any]:
    """The state after one more failure in a row."""
    since = state.get("failingSince") or instant(now)
    return {**state, "error": error[:LONGEST], "failures": failures(state) + 1, "failingSince": since}


def succeeded(state: JsonObject, now: datetime) -> dict[str, Any]:
    """The state after a look that went well."""
    rest = {key: value for key, value in state.items() if key not in {"error", "failures", "failingSince"}}
    return {**rest, "okAt": instant(now)}


def failures(state: Mapping[str, Any]) -> int:
    """How many failures in a row there were."""
    return int(state.get("failures") or 0)


def pause(count: int) -> float:
    """The seconds to wait after so many failures in a row."""
    return float(min(FIRST * 2 ** min(max(count - 1, 0), 20), MOST))


def shown(state: JsonObject | None) -> dict[str, Any]:
    """What people see of it beside the trigger."""
    known = state or {}
    told: dict[str, Any] = {"okAt": str(known.get("okAt") or "")}
    if known.get("error"):
        told |= {name: known.get(name) for name in ("error", "failures", "failingSince")}
    if known.get("setAside"):
        told["setAside"] = known["setAside"]
    return told
