"""`caseway process delete NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("delete")
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@session_options()
@with_session
def command(session: Session, name: str, yes: bool) -> None:
    """Delete process NAME. Refused while it has instances."""
    from caseway.cli.confirm import confirm

    confirm(session, f"Delete process {name} and all its versions?", is_sure=yes)
    with session.client() as client:
        client.call("processes.delete", name=name)
    if session.is_json:
        print_json({"process": name, "deleted": True})
    else:
        say(f"deleted {clean(name)}")
