"""`caseway trust rm NAME`."""

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
    """Forget the trust rule NAME; the tokens it gave end."""
    from caseway.cli.confirm import confirm

    confirm(session, f"Forget trust rule {name}?", is_sure=yes)
    with session.client() as client:
        client.call("trusts.remove", name=name)
    if session.is_json:
        print_json({"trust": name, "removed": True})
    else:
        say(f"forgot {clean(name)}")
