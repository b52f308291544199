"""`caseway hook`: a push to a bare repository deploys."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.hook."

TABLE = {
    "install": (_C + "install", "Write the hooks of a bare repository"),
    "run": (_C + "run", "What the hooks call, on a push"),
}


@click.group("hook", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Deploy on a push to a plain bare repository, without any server."""
