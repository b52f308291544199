"""`caseway key create INSTANCE`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("create")
@click.argument("instance")
@click.option("--name", default="", help="What it is for.")
@click.option("--expires", metavar="DURATION", help="How long it is good, such as 90d.")
@session_options(stage=True)
@with_session
def command(session: Session, instance: str, name: str, expires: str | None) -> None:
    """Issue an API key for INSTANCE. Its secret goes to stdout, once; it is stored hashed."""
    from caseway.cli.instance_name import instance_name
    from caseway.worker.quantities import seconds

    until = (datetime.now(UTC) + timedelta(seconds=seconds(expires))).isoformat() if expires else None
    with session.client() as client:
        instance = instance_name(session, client, instance)
        made = client.call("keys.create", instance=instance, name=name, expires_at=until)
    if session.is_json:
        print_json(made)
        return
    say(made["secret"])
    say(f"key {clean(made['id'])} of {clean(instance)}: keep it now, it is not shown again", err=True)
