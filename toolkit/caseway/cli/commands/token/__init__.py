"""`caseway token`: what one shows to be known."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.token."

TABLE = {
    "create": (_C + "create", "Make a token; it is shown once"),
    "list": (_C + "list", "List tokens, without their secrets"),
    "rotate": (_C + "rotate", "Put a new token in place of one"),
    "revoke": (_C + "revoke", "End a token"),
}


@click.group("token", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Make, rotate and end tokens. A person's token never does more than the person may."""
