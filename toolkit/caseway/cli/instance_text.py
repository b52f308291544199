"""How an instance reads to people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from caseway.cli.output import clean, paint, painted_status, print_fields, say

if TYPE_CHECKING:
    from caseway.platform.views import InstanceView


def note_of(view: InstanceView) -> str:
    """The one thing to know: an error, an update, who switched it off."""
    if view.error:
        return view.error
    if view.auto_paused_by:
        return f"paused by {view.auto_paused_by}"
    notes = ["update available"] if view.update_available else []
    notes += [str(item) for item in view.conditions if str(item) != "UpdateAvailable"]
    if view.pinned:
        notes.append("pinned")
    return ", ".join(notes)


def print_instance(view: InstanceView) -> None:
    """The whole instance: fields, workflows with their triggers."""
    say(f"{painted_status(str(view.phase))}  {paint(clean(view.name), '', bold=True)}")
    print_fields(
        {
            "process": view.process,
            "stage": view.stage,
            "owner": view.owner,
            "version": view.version or "-",
            "follows": view.desired_version,
            "id": view.id,
            "parameters": view.parameters,
            "credentials": view.credentials,
            "resources": view.resources,
            "sharing": view.sharing,
            "deployed": view.deployed_at,
            "note": note_of(view),
        }
    )
    for workflow in view.workflows:
        state = "active" if workflow.active else "inactive"
        say(
            f"  {painted_status(state)} {clean(workflow.id)} {paint(clean(workflow.live_id), 'bright_black')}"
        )
        for trigger in workflow.triggers:
            say(f"      {clean(trigger_text(trigger))}")


def trigger_rows(view: InstanceView) -> list[dict[str, str]]:
    """The http triggers of an instance that runs, as rows of a table."""
    return [
        {
            "instance": view.name,
            "workflow": workflow.id,
            "methods": ",".join(trigger["methods"]),  # type: ignore[arg-type] # a list of texts
            "url": str(trigger["url"]),
            "authentication": str(trigger["authentication"]),
        }
        for workflow in view.workflows
        if workflow.active
        for trigger in workflow.triggers
        if trigger.get("type") == "http"
    ]


def trigger_text(trigger: Mapping[str, Any]) -> str:
    """`http POST https://…/hooks/… X-API-Key`, `schedule 0 2 * * * Europe/Berlin, next 2026-…`, …"""
    words = [str(trigger.get("type", ""))]
    if trigger.get("type") == "http":
        words += [",".join(map(str, trigger.get("methods") or [trigger.get("method") or "POST"]))]
        words += [str(trigger.get("url") or trigger.get("path")), f"({trigger.get('authentication', '')},"]
        return " ".join([*words, f"{trigger.get('response', '')})"])
    words += [str(trigger[key]) for key in ("cron", "every", "timezone") if trigger.get(key)]
    if trigger.get("filter"):
        words += [f"{name}={value}" for name, value in trigger["filter"].items()]
    text = " ".join(words)
    firings = [str(each)[:19] + "Z" for each in trigger.get("upcoming") or ()]
    return f"{text}, next {', '.join(firings)}" if firings else text
