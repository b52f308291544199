"""`caseway process clone NAME NEW_NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("clone")
@click.argument("name")
@click.argument("new_name")
@click.option("--owner", default="", metavar="NAME", help="The copy's owner; default: you.")
@session_options()
@with_session
def command(session: Session, name: str, new_name: str, owner: str) -> None:
    """Copy process NAME as NEW_NAME: tags are kept; owner, sharing, status and counts begin anew."""
    from caseway.cli.process_text import print_process

    with session.client() as client:
        facts = client.call("processes.clone", name=name, new_name=new_name, owner=owner)
    if session.is_json:
        print_json(facts)
    else:
        say(f"cloned {clean(name)} as {clean(new_name)}", err=True)
        print_process(facts)
