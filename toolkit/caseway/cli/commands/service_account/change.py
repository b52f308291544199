"""`caseway service-account change NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("change")
@click.argument("name")
@click.option("--disable/--enable", "disabled", required=True, help="Shut it out, or let it in again.")
@session_options()
@with_session
def command(session: Session, name: str, disabled: bool) -> None:
    """Shut the service account NAME out with all its tokens, or let it in again."""
    with session.client() as client:
        made = client.call("service-accounts.change", name=name, disabled=disabled)
    if session.is_json:
        print_json(made)
    else:
        say(f"{clean(name)} is {'shut out' if made['isDisabled'] else 'let in'}")
