"""`caseway instance rollback NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.session import Session


@click.command("rollback")
@click.argument("name")
@click.option("--version", default="", help="Go back to this version; default: the one before.")
@session_options(stage=True)
@with_session
def command(session: Session, name: str, version: str) -> int:
    """Bring instance NAME back to the version it ran before. Nothing is rebuilt."""
    from caseway.cli.deployment_text import print_deployment
    from caseway.cli.instance_name import instance_name

    with session.client() as client:
        name = instance_name(session, client, name)
        told = client.call("instances.rollback", name=name, version=version)
    return print_deployment(session, told)
