"""When the schedules of a plan's new versions will fire: what a reviewer can check against the clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from caseway.cli.source_text import FETCHING, source_text
from caseway.model.errors import CasewayError
from caseway.model.plan import Kind, Plan, Verb
from caseway.platform.due import upcoming


def schedule_lines(plan: Plan, now: datetime) -> Iterator[str]:
    """The next five firings of every schedule that comes with the plan, by the clock of its time zone."""
    for action in plan.actions:
        if action.kind is not Kind.TEMPLATE or action.verb is not Verb.CREATE:
            continue
        body = action.payload.get("body")
        for workflow, trigger in _schedules(body if isinstance(body, Mapping) else {}):
            firings = ", ".join(_firings(trigger, now))
            if firings:
                rhythm = " ".join(
                    str(trigger[key]) for key in ("cron", "every", "after", "timezone") if trigger.get(key)
                )
                yield f"  {action.name}: {workflow} {trigger.get('id')} ({rhythm})"
                yield f"      {firings}"


def source_lines(plan: Plan) -> Iterator[str]:
    """From where the workflows of the plan's new versions fetch by themselves: queues and polls."""
    for action in plan.actions:
        if action.kind is not Kind.TEMPLATE or action.verb is not Verb.CREATE:
            continue
        body = action.payload.get("body")
        for workflow, trigger in _triggers(body if isinstance(body, Mapping) else {}, *FETCHING):
            yield f"  {action.name}: {workflow} {trigger.get('id')}: {source_text(trigger)}"


def _schedules(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return _triggers(body, "schedule")


def _triggers(body: Mapping[str, Any], *kinds: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    workflows: Sequence[Mapping[str, Any]] = body.get("workflows") or ()
    for workflow in workflows:
        for trigger in workflow.get("triggers") or ():
            if trigger.get("type") in kinds:
                yield str(workflow.get("id")), trigger


def _firings(trigger: Mapping[str, Any], now: datetime) -> list[str]:
    """Nothing for a schedule whose words are filled in when it is deployed."""
    try:
        zone = ZoneInfo(str(trigger.get("timezone") or "UTC"))
        return [f"{at.astimezone(zone):%a %d %b %H:%M:%S %z}" for at in upcoming(trigger, now)]
    except (CasewayError, ValueError, OSError):
        return []
