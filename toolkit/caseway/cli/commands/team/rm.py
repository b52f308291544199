"""`caseway team rm NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("rm")
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@session_options()
@with_session
def command(session: Session, name: str, yes: bool) -> None:
    """Forget the team NAME. What it owns stays."""
    from caseway.cli.confirm import confirm

    confirm(session, f"Forget team {name}?", is_sure=yes)
    with session.client() as client:
        client.call("teams.delete", name=name)
    if session.is_json:
        print_json({"team": name, "removed": True})
    else:
        say(f"forgot {clean(name)}")
