"""`caseway fmt [PATH]`: every file in the same layout."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import say
from caseway.cli.session import Session


@click.command("fmt")
@click.argument("path", type=click.Path(), required=False)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when a file is laid out otherwise.")
@session_options()
@with_session
def command(session: Session, path: str | None, check: bool) -> int:
    """Lay out the files in PATH (default: here) in the same way: line ends, white space and blank lines, the
    order of a document's own keys, JSON with two spaces. What the files say stays, and so do comments.
    """
    from caseway.cli.fixing import preview_layout, rewrite

    changes = preview_layout(session.project_root(path))
    rewrite(session, changes, done="laid out", is_dry=check, key="formatted")
    if session.is_text and not changes:
        say("every file is laid out already", err=True)
    return 1 if check and changes else 0
