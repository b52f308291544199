"""`caseway key`: API keys of instances."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.key."

TABLE = {
    "create": (_C + "create", "Issue a key; it is shown once"),
    "list": (_C + "list", "List an instance's keys, without their secrets"),
    "revoke": (_C + "revoke", "Make a key useless from now on"),
}


@click.group("key", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Issue and revoke the API keys with which others call an instance."""
