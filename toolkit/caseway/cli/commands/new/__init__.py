"""`caseway new`: what can be added to a project."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.new."


@click.group(
    "new", cls=LazyGroup, table={"use-case": (_C + "use_case", "Add a use case that validates and runs")}
)
def command() -> None:
    """Add something to the project that validates and runs."""
