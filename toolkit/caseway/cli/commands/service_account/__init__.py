"""`caseway service-account`: who has no person behind it."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.service_account."

TABLE = {
    "create": (_C + "create", "Make a service account"),
    "list": (_C + "list", "List service accounts"),
    "change": (_C + "change", "Shut out, or let in again"),
    "rm": (_C + "rm", "Forget a service account"),
}


@click.group("service-account", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Keep service accounts: what they may do are their scopes, perhaps in one project alone."""
