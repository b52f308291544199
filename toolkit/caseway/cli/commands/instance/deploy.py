"""`caseway instance deploy NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.session import Session


@click.command("deploy")
@click.argument("name")
@click.option("--version", default="", help="Deploy exactly this version, and stay on it.")
@session_options(stage=True)
@with_session
def command(session: Session, name: str, version: str) -> int:
    """Deploy instance NAME anew: what it follows, or --version. Also retries after a failure."""
    from caseway.cli.deployment_text import print_deployment
    from caseway.cli.instance_name import instance_name

    with session.client() as client:
        name = instance_name(session, client, name)
        told = client.call("instances.deploy", name=name, version=version)
    return print_deployment(session, told)
