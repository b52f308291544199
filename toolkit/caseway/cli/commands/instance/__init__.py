"""`caseway instance`: look at instances and steer them."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.instance."

TABLE = {
    "list": (_C + "list", "List instances and what they run"),
    "get": (_C + "get", "Show one instance"),
    "install": (_C + "install", "Install a process by hand"),
    "pause": (_C + "steer:pause", "Switch its triggers off, keep everything"),
    "resume": (_C + "steer:resume", "Switch its triggers on again"),
    "deploy": (_C + "deploy", "Deploy it anew, or to a version"),
    "rollback": (_C + "rollback", "Go back to the version before"),
    "update": (_C + "update", "Change parameters, credentials, resources or version"),
    "share": (_C + "share", "Say who else may use it"),
    "clone": (_C + "clone", "Copy it for another owner or stage"),
    "archive": (_C + "steer:archive", "Hide it, restorable"),
    "restore": (_C + "steer:restore", "Bring an archived one back"),
    "undeploy": (_C + "steer:undeploy", "Take it down, keep its definition and history"),
    "delete": (_C + "delete", "Delete it; --purge removes its history as well"),
}


@click.group("instance", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Look at instances and steer them. What the repo declares, the next apply sets again."""
