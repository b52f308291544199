"""`caseway trust`: whose assertions of identity are taken."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.trust."

TABLE = {
    "add": (_C + "add", "Trust runs of a repository"),
    "list": (_C + "list", "List trust rules"),
    "rm": (_C + "rm", "Forget a rule; its tokens end"),
}


@click.group("trust", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Let CI come in without a stored secret: which repository, branch and environment gets which scopes."""
