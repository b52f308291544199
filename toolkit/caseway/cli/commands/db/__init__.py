"""`caseway db`: the platform's database."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.db."

TABLE = {
    "migrate": (_C + "migrate", "Bring the schema to this version"),
    "status": (_C + "status", "Show where it is and which schema it has"),
}


@click.group("db", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Look after the platform's database."""
