"""`caseway runtime rebuild NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.session import Session


@click.command("rebuild")
@click.argument("name")
@session_options()
@with_session
def command(session: Session, name: str) -> int:
    """Build the image of the runtime NAME anew, as a new version.

    What is deployed keeps its image until it is deployed again.
    """
    from caseway.cli.runtime_builds import build_and_show

    return build_and_show(session, name, is_fresh=True)
