"""`caseway key revoke ID`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("revoke")
@click.argument("key_id", metavar="ID")
@session_options()
@with_session
def command(session: Session, key_id: str) -> None:
    """Make the API key ID useless from now on."""
    with session.client() as client:
        told = client.call("keys.revoke", id=key_id)
    if session.is_json:
        print_json(told)
    else:
        say(f"revoked {clean(key_id)}")
