"""`caseway instance get NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json
from caseway.cli.session import Session


@click.command("get")
@click.argument("name")
@click.option("--deployments", is_flag=True, help="Every attempt to deploy it, not the latest alone.")
@session_options(stage=True)
@with_session
def command(session: Session, name: str, deployments: bool) -> None:
    """Show instance NAME: state, version, parameters, workflows and triggers, and the latest attempt to
    deploy it with its six timed steps."""
    from caseway.cli.deployment_text import print_attempt
    from caseway.cli.instance_name import instance_name
    from caseway.cli.instance_text import print_instance

    with session.client() as client:
        name = instance_name(session, client, name)
        facts = client.call("instances.get", name=name)
        history = client.call("deployments.list", name=name, limit=50 if deployments else 1)["items"]
    if session.is_json:
        print_json({**facts, "deployments": history})
        return
    print_instance(facts)
    for item in history:
        print_attempt(item)
