"""The `schedule` of a workflow document as triggers, in the words that a use case has for them.

Rule: where the use case lists triggers of the workflow, its list alone holds. What starts nothing is left
out, and said with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from caseway_runner import InvalidWorkflow, compile_start, parse_duration


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
        evaluate = document.get("evaluate")
        is_loose = isinstance(evaluate, Mapping) and evaluate.get("mode") == "loose"
        heard = _heard(schedule["on"], is_loose=is_loose)
        if heard is not None:
            yield heard


def _timed(key: str, value: Any, *, overlap: bool) -> dict[str, Any] | LeftOut:
    try:
        length = round(parse_duration(value) * 1000)
    except ValueError as error:
        return LeftOut(f"/schedule/{key}", str(error))
    if not length:
        return LeftOut(f"/schedule/{key}", "it is no time at all")
    text = f"{length}ms" if length % 1000 else f"{length // 1000}s"
    return {"id": key, "type": "schedule", key: text, "overlap": overlap, "misfire": "once"}


def _heard(strategy: Mapping[str, Any], *, is_loose: bool) -> dict[str, Any] | None:
    """The trigger of plain attributes where these are all that is asked, else the strategy as it is; None
    when it is none, which is said elsewhere."""
    try:
        start = compile_start(strategy, is_loose=is_loose)
    except InvalidWorkflow:
        return None
    if start.plain:
        return {"id": "on", "type": "event", "anyOf": [dict(one) for one in start.plain]}
    return {"id": "on", "type": "event", "on": dict(strategy), "mode": "loose" if is_loose else "strict"}
