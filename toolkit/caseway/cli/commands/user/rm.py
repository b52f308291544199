"""`caseway user rm NAME`."""

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
    """End the membership of NAME, and with it every token they have for this organization."""
    from caseway.cli.confirm import confirm

    confirm(session, f"End the membership of {name}, and every token of theirs here?", is_sure=yes)
    with session.client() as client:
        client.call("users.remove", name=name)
    if session.is_json:
        print_json({"user": name, "removed": True})
    else:
        say(f"{clean(name)} is no member any more")
