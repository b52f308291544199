"""`caseway project remove NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("remove")
@click.argument("name")
@session_options()
@with_session
def command(session: Session, name: str) -> None:
    """Pull project NAME no longer. What it brought stays; its secrets are forgotten."""
    with session.client() as client:
        gone = client.call("projects.remove", project=name)
    if session.is_json:
        print_json(gone)
    else:
        say(f"{clean(name)} is pulled no longer", err=True)
