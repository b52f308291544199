"""`caseway credential`: the secrets that workflows use."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.credential."

TABLE = {
    "set": (_C + "set", "Store a secret, encrypted"),
    "list": (_C + "list", "List names and scopes, never values"),
    "test": (_C + "test", "Try a secret out"),
    "authorize": (_C + "authorize", "Ask a person for their consent, in the browser"),
    "rm": (_C + "rm", "Forget a secret"),
    "rotate": (_C + "rotate", "Encrypt all secrets anew with the first key"),
}


@click.group("credential", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Keep the secrets that workflows use: encrypted at rest, read only by an execution that needs them."""
