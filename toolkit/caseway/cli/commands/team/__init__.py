"""`caseway team`: named groups of members."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.team."

TABLE = {
    "create": (_C + "create", "Make a team"),
    "list": (_C + "list", "List teams"),
    "change": (_C + "change", "Let people in or out"),
    "rm": (_C + "rm", "Forget a team"),
}


@click.group("team", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Keep teams: a team may own instances and see processes, as a person may."""
