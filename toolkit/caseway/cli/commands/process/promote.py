"""`caseway process promote NAME STAGE`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json
from caseway.cli.session import Session


@click.command("promote")
@click.argument("name")
@click.argument("stage")
@click.option("--version", default="", help="The version; default: the newest.")
@click.option("--owner", default="", metavar="NAME", help="Whose instance it becomes.")
@session_options()
@with_session
def command(session: Session, name: str, stage: str, version: str, owner: str) -> None:
    """Publish a version of process NAME and bring it to STAGE: the instance there is made or updated.

    The same by commit: declare an instance of that stage with that version.
    """
    from caseway.cli.instance_text import print_instance

    with session.client() as client:
        facts = client.call("processes.promote", name=name, stage=stage, version=version, owner=owner)
    if session.is_json:
        print_json(facts)
    else:
        print_instance(facts)
