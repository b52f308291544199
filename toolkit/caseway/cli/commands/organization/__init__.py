"""`caseway organization`: the tenants of a platform."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.organization."

TABLE = {
    "create": (_C + "create", "Make an organization"),
    "list": (_C + "list", "List organizations"),
}


@click.group("organization", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Make and list organizations: each has its own people, projects and secrets."""
