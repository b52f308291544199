"""`caseway preview`: stages of their own for changes that are not merged yet."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.preview."

TABLE = {
    "up": (_C + "up", "Bring a preview up, or to its next commit"),
    "list": (_C + "list", "List previews and when they end"),
    "down": (_C + "down", "Take a preview away; nothing of it stays"),
    "gc": (_C + "gc", "Take away what is overdue or orphaned"),
}


@click.group("preview", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Preview stages: what a change touches, running beside everything else until it is merged or closed."""
