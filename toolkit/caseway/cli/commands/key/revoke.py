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
    from caseway.platform import keys

    with session.acting() as (platform, organization):
        keys.revoke(platform, organization, key_id, actor=session.actor())
    if session.is_json:
        print_json({"key": key_id, "revoked": True})
    else:
        say(f"revoked {clean(key_id)}")
