"""`caseway token revoke TOKEN`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("revoke")
@click.argument("token")
@session_options()
@with_session
def command(session: Session, token: str) -> None:
    """Make TOKEN (its id or how it begins) useless from now on."""
    with session.client() as client:
        client.call("tokens.revoke", token=token)
    if session.is_json:
        print_json({"token": token, "revoked": True})
    else:
        say(f"revoked {clean(token)}")
