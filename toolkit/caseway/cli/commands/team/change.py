"""`caseway team change NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("change")
@click.argument("name")
@click.option("--add", metavar="USER", multiple=True, help="Who comes in; repeatable.")
@click.option("--remove", metavar="USER", multiple=True, help="Who goes out; repeatable.")
@session_options()
@with_session
def command(session: Session, name: str, add: tuple[str, ...], remove: tuple[str, ...]) -> None:
    """Let people into the team NAME, or out of it."""
    if not add and not remove:
        raise click.UsageError("say who: --add or --remove")
    with session.client() as client:
        made = client.call("teams.change", name=name, add=list(add), remove=list(remove))
    if session.is_json:
        print_json(made)
    else:
        say(f"{clean(name)}: {clean(', '.join(made['members']) or 'nobody')}")
