"""`caseway user`: who belongs to the organization."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.user."

TABLE = {
    "add": (_C + "add", "Make somebody a member"),
    "list": (_C + "list", "List members"),
    "change": (_C + "change", "Change a role or password, or shut out"),
    "rm": (_C + "rm", "End a membership"),
    "password": (_C + "password", "Change your own password"),
}


@click.group("user", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Say who belongs to the organization, and as what: member, admin or owner."""
