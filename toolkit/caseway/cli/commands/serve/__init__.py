"""`caseway serve`: the processes that a platform consists of."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.serve."

TABLE = {
    "web": (_C + "web:web", "Answer the API and triggers"),
    "worker": (_C + "worker", "Run what is due, until told to stop"),
    "all": (_C + "web:everything", "Both in one process"),
}


@click.group("serve", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Run the platform: one process with everything, or servers and workers apart."""
