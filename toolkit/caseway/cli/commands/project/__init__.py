"""`caseway project`: projects that the platform pulls by itself."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.project."

TABLE = {
    "add": (_C + "add", "Pull a project from a git repository"),
    "status": (_C + "status", "Show what was seen and applied"),
    "pull": (_C + "steer:pull", "Look at a project now"),
    "suspend": (_C + "steer:suspend", "Leave a project as it is"),
    "resume": (_C + "steer:resume", "Pull a project again"),
    "remove": (_C + "remove", "Pull a project no longer"),
}


@click.group("project", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Projects that the platform pulls by itself: on an interval, and when a forge tells of a push."""
