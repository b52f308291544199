"""Pulled projects on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseway.cli.output import print_fields
from caseway.model.errors import CasewayError


def print_project(view: Mapping[str, Any]) -> None:
    """Everything about one pulled project."""
    print_fields(
        {
            "project": view["project"],
            "from": view["url"],
            "state": state_of(view),
            "every": f"{view['seconds']:g} s",
            "heals": view["heals"],
            "prunes": view["prunes"],
            "seen": _commits(view["heads"]),
            "seen at": view["seenAt"],
            "applied": _commits(view["applied"]),
            "applied at": view["appliedAt"],
            "next look": view["dueAt"] if not view["suspended"] else "",
            "drift": view["drift"],
            "error": view["error"],
        }
    )


def row_of(view: Mapping[str, Any]) -> dict[str, Any]:
    """One line of a table."""
    error = str(view["error"]).partition("\n")[0]
    seen = str(view["seenAt"])[:19].replace("T", " ")
    applied = _commits(view["applied"])
    return {**view, "state": state_of(view), "applied": applied, "seenAt": seen, "error": error}


def state_of(view: Mapping[str, Any]) -> str:
    """How it stands, in a word."""
    if view["suspended"]:
        return "suspended"
    if view["error"]:
        return "failed"
    return "ok" if view["seenAt"] else "waiting"


def seconds_in(duration: str) -> float:
    """The seconds of a duration such as 60s or 5m."""
    from caseway.repo.compile import seconds_of

    number = duration.rstrip("mshd")
    if not number.isdigit() or duration[len(number) :] not in {"ms", "s", "m", "h", "d"}:
        raise CasewayError(f"{duration!r} is no duration", code="usage", hint="such as 60s or 5m")
    return seconds_of(duration)


def _commits(by: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {commit[:10]}" for name, commit in by.items())
