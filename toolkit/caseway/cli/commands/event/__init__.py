"""`caseway event`: send events."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

TABLE = {"send": ("caseway.cli.commands.event.send", "Send a CloudEvent")}


@click.group("event", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Send events to executions that wait for them, and to event triggers."""
