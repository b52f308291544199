"""How a deployment reads, as JSON or text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseway.cli.output import clean, painted_status, print_json, say
from caseway.cli.session import Session


def print_deployment(session: Session, told: Mapping[str, Any]) -> int:
    """Show the deployment that followed; the exit code: 1 when it failed."""
    facts, instance = told["deployment"], told["instance"]
    if session.is_json:
        print_json(told)
    elif facts is None:
        say(f"{clean(instance)} is changed; nothing had to be deployed")
    else:
        say(f"{painted_status(str(facts['status']))}  {clean(instance)} {clean(facts['version'])}")
        if facts.get("error"):
            say(f"  {clean(facts['error'], lines=True)}")
    return 1 if facts is not None and facts["status"] == "failed" else 0


def print_attempt(facts: Mapping[str, Any]) -> None:
    """One attempt: how it stands, why it was made, its six steps with their times."""
    by = f"by {clean(facts['actor'])}" + (
        f", commit {clean(facts['commit'][:12])}" if facts["commit"] else ""
    )
    head = (
        f"{painted_status(facts['status'])} {clean(facts['version'])}  {clean(facts['reason'])} {by}, "
        f"{facts['startedAt']}"
    )
    say(f"\n{head}")
    for text in (facts["error"], facts["hint"], *facts["warnings"]):
        if text:
            say(f"    {clean(text, lines=True)}")
    container = (facts["result"] or {}).get("container")
    if container:
        say(f"    runs in   {clean(container_text(container))}")
    for step in facts["steps"]:
        took = f"{step['seconds'] * 1000:8.1f} ms"
        line = f"    {step['name']:<8}  {painted_status(step['status'])}  {took}  {clean(step['message'])}"
        say(line.rstrip())


def container_text(container: Mapping[str, Any]) -> str:
    """`caseway/runtime:default (sha256:…), network hosts, cpu 0.5, memory 1GB, disk 5GB, gpu 0`."""
    digest = str(container.get("imageId") or "")[:19]
    image = f"{container['image']} ({digest})" if digest else str(container["image"])
    asked = [f"{name} {container[name]}" for name in _RESOURCES if container.get(name) is not None]
    return ", ".join([image, f"network {container['network']}", *asked])


_RESOURCES = ("cpu", "memory", "disk", "gpu")
