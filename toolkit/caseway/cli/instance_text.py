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


def trigger_text(trigger: Mapping[str, Any]) -> str:
    """`http POST /invoices`, `schedule 0 2 * * * Europe/Berlin`, …"""
    words = [trigger.get("type", "")]
    words += [
        str(trigger[key])
        for key in ("method", "path", "url", "cron", "every", "timezone")
        if trigger.get(key)
    ]
    return " ".join(words)
