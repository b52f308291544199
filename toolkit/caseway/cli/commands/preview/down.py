"""`caseway preview down --id pr-42`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, say
from caseway.cli.session import Session


@click.command("down")
@click.option("--id", "preview", metavar="ID", required=True, help="Which preview.")
@session_options()
@with_session
def command(session: Session, preview: str) -> None:
    """Take a preview away: instances, addresses, keys, executions, templates. Nothing of it stays but its
    lines in the audit. There need be none."""
    from caseway.cli.previewing import project_name
    from caseway.delivery.preview import preview_down

    with session.client() as client:
        gone = preview_down(client, project_name(session.project_root()), preview)
    if session.is_json:
        print_json(gone)
    else:
        say(f"preview {preview} is gone", err=True)
