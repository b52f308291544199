"""`caseway runtime build NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.session import Session


@click.command("build")
@click.argument("name")
@session_options()
@with_session
def command(session: Session, name: str) -> int:
    """Build the image of the runtime NAME, unless it is there.

    The runtime is the one that the last apply brought; its log is shown as it comes.
    """
    from caseway.cli.runtime_builds import build_and_show

    return build_and_show(session, name, is_fresh=False)
