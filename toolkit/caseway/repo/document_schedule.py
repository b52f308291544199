"""The `schedule` of a workflow document as triggers, in the words that a use case has for them.

Rule: where the use case lists triggers of the workflow, its list alone holds. What one event cannot start is
left out, and said with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from caseway_runner import parse_duration

_OPENING = "${"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of a schedule that starts nothing: where it is in the document, and why."""

    pointer: str
    reason: str


def triggers_of(document: Any) -> list[dict[str, Any]]:
    """The triggers that the document brings itself."""
    return [found for found in _read(document) if isinstance(found, dict)]


def left_out(document: Any) -> list[LeftOut]:
    """What of its schedule starts nothing once it is deployed."""
    return [found for found in _read(document) if isinstance(found, LeftOut)]


def _read(document: Any) -> Iterator[dict[str, Any] | LeftOut]:
    schedule = document.get("schedule") if isinstance(document, Mapping) else None
    if not isinstance(schedule, Mapping) or "document" not in document:
        return
    if isinstance(schedule.get("cron"), str):
        yield {"id": "cron", "type": "schedule", "cron": schedule["cron"], "timezone": "UTC"}
    if "every" in schedule:  # whether the execution before has ended or not, says the language
        yield _timed("every", schedule["every"], overlap=True)
    if "after" in schedule:
        yield _timed("after", schedule["after"], overlap=False)
    if isinstance(schedule.get("on"), Mapping):
        yield _heard(schedule["on"])


def _timed(key: str, value: Any, *, overlap: bool) -> dict[str, Any] | LeftOut:
    try:
        length = round(parse_duration(value) * 1000)
    except ValueError as error:
        return LeftOut(f"/schedule/{key}", str(error))
    if not length:
        return LeftOut(f"/schedule/{key}", "it is no time at all")
    text = f"{length}ms" if length % 1000 else f"{length // 1000}s"
    return {"id": key, "type": "schedule", key: text, "overlap": overlap, "misfire": "once"}


def _heard(strategy: Mapping[str, Any]) -> dict[str, Any] | LeftOut:
    place = "/schedule/on"
    if "all" in strategy:
        return LeftOut(f"{place}/all", "an execution starts with one event: let it listen for the others")
    if "until" in strategy:
        return LeftOut(f"{place}/until", "an execution starts with one event: let it listen for more")
    filters = [strategy.get("one")] if "one" in strategy else list(strategy.get("any") or ())
    if not filters:
        return LeftOut(f"{place}/any", "it would start for each event, its own among them: say which")
    wanted = []
    for found in filters:
        one = found if isinstance(found, Mapping) else {}
        attributes = one.get("with")
        if not isinstance(attributes, Mapping) or one.get("correlate"):
            return LeftOut(place, "one event has nothing to be correlated with")
        if _has_expression(attributes):
            return LeftOut(place, "what starts executions is compared with plain values, not by expressions")
        wanted.append(dict(attributes))
    return {"id": "on", "type": "event", "anyOf": wanted}


def _has_expression(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_has_expression(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_expression(item) for item in value)
    return isinstance(value, str) and value.lstrip().startswith(_OPENING)
