"""`caseway organization create NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("create")
@click.argument("name")
@click.option("--title", default="", help="As people read it.")
@session_options()
@with_session
def command(session: Session, name: str, title: str) -> None:
    """Make the organization NAME. Only on the server's own machine."""
    session.refuse_remote()
    with session.client(organization=name) as client:  # there may be no other yet
        made = client.call("organizations.create", name=name, title=title)
    if session.is_json:
        print_json(made)
    else:
        say(
            f"made {clean(name)}; its first owner: caseway user add --role owner --organization {clean(name)}"
        )
