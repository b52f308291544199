"""`caseway credential rm NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("rm")
@click.argument("name")
@click.option("--scope", default="organization", show_default=True, help="Whose it is.")
@click.option("--owner", default="", metavar="NAME", help="The user or instance of a scope that has one.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@session_options()
@with_session
def command(session: Session, name: str, scope: str, owner: str, yes: bool) -> None:
    """Forget the secret NAME. Instances that need it stop working until it is set again."""
    from caseway.cli.confirm import confirm

    confirm(session, f"Forget credential {name}?", is_sure=yes)
    with session.client() as client:
        told = client.call("credentials.remove", name=name, scope=scope, owner=owner)
    if session.is_json:
        print_json(told)
    else:
        say(f"forgot {clean(name)}")
