"""`caseway secret`: secrets in git, encrypted with age."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.secret."

TABLE = {
    "keygen": (_C + "keygen", "Make an identity for the server"),
    "recipient": (_C + "recipient", "Print for whom to encrypt"),
    "encrypt": (_C + "encrypt", "Encrypt the values in a file"),
    "decrypt": (_C + "decrypt", "Print the values of a file"),
    "put": (_C + "put", "Store what encrypted files hold"),
}


@click.group("secret", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Keep secrets in git: anybody can encrypt one for the server, and only the server opens it."""
