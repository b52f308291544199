"""`caseway import`: what was made elsewhere becomes part of the project."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.imports."


@click.group("import", cls=LazyGroup, table={"bundle": (_C + "bundle", "Take in an exported use case")})
def command() -> None:
    """Bring a use case that was made elsewhere into the project."""
