"""`caseway user password`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, say
from caseway.cli.session import Session


@click.command("password")
@session_options()
@with_session
def command(session: Session) -> None:
    """Change your own password; your sessions end. The old one and the new one are asked for, or read from
    stdin as two lines."""
    from caseway.cli.asked import asked, new_password

    before = asked("password until now")
    secret = new_password()
    with session.client() as client:
        client.call("caller.password", before=before, password=secret)
    if session.is_json:
        print_json({"done": True})
    else:
        say("changed; sign in again: caseway login")
