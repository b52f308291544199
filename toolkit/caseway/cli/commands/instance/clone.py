"""`caseway instance clone NAME NEW-NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json
from caseway.cli.session import Session


@click.command("clone")
@click.argument("name")
@click.argument("new_name", metavar="NEW-NAME")
@click.option("--owner", default="", metavar="NAME", help="Whose the copy is; default: you.")
@click.option("--in", "place", default="", metavar="STAGE", help="The stage; default: the same.")
@session_options(stage=True)
@with_session
def command(session: Session, name: str, new_name: str, owner: str, place: str) -> None:
    """Copy instance NAME: its version, parameters and resources, not its credentials, sharing, keys or
    history. The copy is not deployed yet."""
    from caseway.cli.instance_name import instance_name
    from caseway.cli.instance_text import print_instance

    with session.client() as client:
        name = instance_name(session, client, name)
        facts = client.call("instances.clone", name=name, new_name=new_name, owner=owner, stage=place)
    if session.is_json:
        print_json(facts)
    else:
        print_instance(facts)
