"""`caseway secret keygen`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, say
from caseway.cli.session import Session


@click.command("keygen")
@session_options(project=False)
@with_session
def command(session: Session) -> None:
    """Make an age identity. It goes to stdout and is kept nowhere: give it to the server as
    CASEWAY_AGE_IDENTITY, and its recipient to whoever encrypts."""
    from caseway.platform.age_files import new_identity

    identity, recipient = new_identity()
    if session.is_json:
        print_json({"identity": identity, "recipient": recipient})
        return
    say(identity)
    say(f"recipient: {recipient}", err=True)
