"""`caseway preview gc`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("gc")
@click.option(
    "--keep", "keep", metavar="ID", multiple=True, help="Also take away the project's others than these."
)
@session_options()
@with_session
def command(session: Session, keep: tuple[str, ...]) -> None:
    """Take away previews whose time is over, and what is left of previews that nobody knows of.

    With --keep (repeated), the previews of this project that are not named go too: name those whose pull
    requests are still open.
    """
    from caseway.cli.previewing import project_name
    from caseway.delivery.preview import preview_gc

    project = project_name(session.project_root()) if keep else ""
    with session.client() as client:
        gone = preview_gc(client, project, keep or None)
    if session.is_json:
        print_json({"destroyed": gone})
        return
    for name in gone:
        say(f"gone: {clean(name)}")
    if not gone:
        say("nothing to take away", err=True)
