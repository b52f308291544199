"""How a deployment reads, as JSON or text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from caseway.cli.output import clean, facts_of, painted_status, print_json, say
from caseway.cli.session import Session

if TYPE_CHECKING:
    from caseway.platform.views import DeploymentView


def print_deployment(session: Session, instance: str, view: DeploymentView | None) -> int:
    """Show the deployment; the exit code: 1 when it failed."""
    if view is None:
        if session.is_json:
            print_json({"instance": instance, "deployment": None})
        else:
            say(f"{clean(instance)} is changed; nothing had to be deployed")
        return 0
    facts = facts_of(view)
    if session.is_json:
        print_json({"instance": instance, "deployment": facts})
    else:
        say(f"{painted_status(str(facts['status']))}  {clean(instance)} {clean(facts['version'])}")
        if facts.get("error"):
            say(f"  {clean(facts['error'], lines=True)}")
    return 1 if facts["status"] == "failed" else 0


def print_attempt(view: DeploymentView) -> None:
    """One attempt: how it stands, why it was made, its six steps with their times."""
    by = f"by {clean(view.actor)}" + (f", commit {clean(view.commit[:12])}" if view.commit else "")
    head = (
        f"{painted_status(view.status)} {clean(view.version)}  {clean(view.reason)} {by}, {view.started_at}"
    )
    say(f"\n{head}")
    for text in (view.error, view.hint, *view.warnings):
        if text:
            say(f"    {clean(text, lines=True)}")
    for step in view.steps:
        took = f"{step.seconds * 1000:8.1f} ms"
        say(f"    {step.name:<8}  {painted_status(step.status)}  {took}  {clean(step.message)}".rstrip())
