"""`caseway upgrade [PATH]`: documents of an older Caseway, as they are written now."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import say
from caseway.cli.session import Session


@click.command("upgrade")
@click.argument("path", type=click.Path(), required=False)
@click.option("--dry-run", is_flag=True, help="Show the changes, write nothing.")
@session_options()
@with_session
def command(session: Session, path: str | None, dry_run: bool) -> None:
    """Rewrite the documents in PATH (default: here) that an older Caseway wrote: apiVersion and keys that
    were renamed since. Comments and layout stay. Run 'caseway validate' afterwards.
    """
    from caseway.cli.fixing import preview_upgrade, rewrite

    changes = preview_upgrade(session.project_root(path))
    rewrite(session, changes, done="upgraded", is_dry=dry_run, key="upgraded")
    if session.is_text and not changes:
        say("every document is written as this version of Caseway writes it", err=True)
