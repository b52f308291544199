"""`caseway instance delete NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("delete")
@click.argument("name")
@click.option("--purge", metavar="NAME", default="", help="Remove its history as well; repeat its name.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@session_options(stage=True)
@with_session
def command(session: Session, name: str, purge: str, yes: bool) -> None:
    """Undeploy and delete instance NAME. With --purge NAME executions and traces are gone for good."""
    from caseway.cli.confirm import confirm
    from caseway.cli.instance_name import instance_name

    confirm(session, f"Delete instance {name}?", is_sure=yes)
    with session.client() as client:
        name = instance_name(session, client, name)
        if purge:
            client.call("instances.purge", name=name, confirm=purge)
        else:
            client.call("instances.delete", name=name)
    if session.is_json:
        print_json({"instance": name, "deleted": True, "purged": bool(purge)})
    else:
        say(f"{'purged' if purge else 'deleted'} {clean(name)}")
