"""`caseway team create NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("create")
@click.argument("name")
@click.option("--title", default="", help="As people read it.")
@click.option("--member", "members", metavar="USER", multiple=True, help="Who is in it; repeatable.")
@session_options()
@with_session
def command(session: Session, name: str, title: str, members: tuple[str, ...]) -> None:
    """Make the team NAME."""
    with session.client() as client:
        made = client.call("teams.create", name=name, title=title, members=list(members))
    if session.is_json:
        print_json(made)
    else:
        say(f"made {clean(name)} with {len(made['members'])} members")
