"""`caseway credential rotate`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, say
from caseway.cli.session import Session


@click.command("rotate")
@session_options()
@with_session
def command(session: Session) -> None:
    """Encrypt every secret anew with the first key of CASEWAY_SECRET_KEY (several stand comma separated)."""
    from caseway.platform import credentials

    with session.platform() as platform:
        count = credentials.rotate(platform, actor=session.actor())
    if session.is_json:
        print_json({"rotated": count})
    else:
        say(f"encrypted {count} credentials anew")
