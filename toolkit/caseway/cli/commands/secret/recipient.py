"""`caseway secret recipient`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, say
from caseway.cli.session import Session


@click.command("recipient")
@session_options(project=False)
@with_session
def command(session: Session) -> None:
    """Print the recipients of CASEWAY_AGE_IDENTITY: what to encrypt for."""
    import os

    from caseway.cli.credential_sources import identities_in
    from caseway.platform.age_files import recipients_of

    found = recipients_of(identities_in(os.environ.get("CASEWAY_AGE_IDENTITY", "")))
    if session.is_json:
        print_json({"recipients": found})
        return
    for recipient in found:
        say(recipient)
