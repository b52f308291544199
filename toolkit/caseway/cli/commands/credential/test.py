"""`caseway credential test NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("test")
@click.argument("name")
@click.option("--scope", default="organization", show_default=True, help="Whose it is.")
@click.option("--owner", default="", metavar="NAME", help="The user or instance of a scope that has one.")
@session_options()
@with_session
def command(session: Session, name: str, scope: str, owner: str) -> None:
    """Try the secret NAME out: a key, name or token at its test URL, a database, a mail server, an account.
    Exits 1 when it does not work."""
    with session.client() as client:
        told = client.call("credentials.test", name=name, scope=scope, owner=owner)
    if session.is_json:
        print_json(told)
    else:
        word = {True: "works", False: "does not work", None: "was not tried out"}[told["isGood"]]
        say(f"{clean(name)} {word}: {clean(told['message'])}")
    if told["isGood"] is False:
        raise click.exceptions.Exit(1)
