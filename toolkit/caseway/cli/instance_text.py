"""How an instance reads to people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseway.cli.output import clean, paint, painted_status, print_fields, say
from caseway.cli.source_text import FETCHING, standing_text


def note_of(facts: Mapping[str, Any]) -> str:
    """The one thing to know: an error, an update, who switched it off."""
    if facts["error"]:
        return str(facts["error"])
    if facts["autoPausedBy"]:
        return f"paused by {facts['autoPausedBy']}"
    notes = ["update available"] if facts["updateAvailable"] else []
    notes += [str(item) for item in facts["conditions"] if str(item) != "UpdateAvailable"]
    if facts["pinned"]:
        notes.append("pinned")
    return ", ".join(notes)


def print_instance(facts: Mapping[str, Any]) -> None:
    """The whole instance: fields, workflows with their triggers."""
    say(f"{painted_status(str(facts['phase']))}  {paint(clean(facts['name']), '', bold=True)}")
    print_fields(
        {
            "process": facts["process"],
            "stage": facts["stage"],
            "owner": facts["owner"],
            "version": facts["version"] or "-",
            "follows": facts["desiredVersion"],
            "id": facts["id"],
            "parameters": facts["parameters"],
            "credentials": facts["credentials"],
            "resources": facts["resources"],
            "sharing": facts["sharing"],
            "deployed": facts["deployedAt"],
            "note": note_of(facts),
        }
    )
    for workflow in facts["workflows"]:
        state = "active" if workflow["active"] else "inactive"
        live = paint(clean(workflow["liveId"]), "bright_black")
        say(f"  {painted_status(state)} {clean(workflow['id'])} {live}")
        for trigger in workflow["triggers"]:
            say(f"      {clean(trigger_text(trigger))}")


def trigger_rows(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """The http triggers of an instance that runs, as rows of a table."""
    return [
        {
            "instance": facts["name"],
            "workflow": workflow["id"],
            "methods": ",".join(trigger["methods"]),
            "url": str(trigger["url"]),
            "authentication": str(trigger["authentication"]),
        }
        for workflow in facts["workflows"]
        if workflow["active"]
        for trigger in workflow["triggers"]
        if trigger.get("type") == "http"
    ]


def trigger_text(trigger: Mapping[str, Any]) -> str:
    """`http POST https://…/hooks/… X-API-Key`, `schedule 0 2 * * * Europe/Berlin, next 2026-…`, …"""
    words = [str(trigger.get("type", ""))]
    if trigger.get("type") == "http":
        words += [",".join(map(str, trigger.get("methods") or [trigger.get("method") or "POST"]))]
        words += [str(trigger.get("url") or trigger.get("path")), f"({trigger.get('authentication', '')},"]
        return " ".join([*words, f"{trigger.get('response', '')})"])
    if trigger.get("type") in FETCHING:
        return standing_text(trigger)
    words += [str(trigger[key]) for key in ("cron", "every", "after", "timezone") if trigger.get(key)]
    if isinstance(trigger.get("on"), Mapping):
        return " ".join([*words, "gathers", *_strategy(trigger["on"])])
    for number, wanted in enumerate(trigger.get("anyOf") or [trigger.get("filter") or {}]):
        words += ["or"] if number else []
        words += [f"{name}={value}" for name, value in wanted.items()]
    text = " ".join(words)
    firings = [str(each)[:19] + "Z" for each in trigger.get("upcoming") or ()]
    return f"{text}, next {', '.join(firings)}" if firings else text


def _strategy(strategy: Mapping[str, Any]) -> list[str]:
    """`all type=a, type=b`, `any type=a until length > 2`, …"""
    kind = next((name for name in ("one", "any", "all") if name in strategy), "")
    filters = [strategy[kind]] if kind == "one" else list(strategy.get(kind) or ())
    told = [" ".join(f"{name}={value}" for name, value in one["with"].items()) for one in filters]
    words = [kind, ", ".join(told) or "event"]
    until = strategy.get("until")
    if isinstance(until, Mapping):
        return [*words, "until", *_strategy(until)]
    return [*words, "until", until] if isinstance(until, str) else words
