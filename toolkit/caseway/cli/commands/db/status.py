"""`caseway db status`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_fields, print_json
from caseway.cli.session import Session


@click.command("status")
@session_options()
@with_session
def command(session: Session) -> None:
    """Show where the database is, its kind and the revision of its content."""
    from caseway.cli.local import shown_url
    from caseway.platform.snapshot import current_revision

    url = shown_url(session.database_url(session.project_root()))
    with session.platform() as platform:
        facts = {"url": url, "kind": url.partition(":")[0], "revision": current_revision(platform.database)}
    if session.is_json:
        print_json(facts)
    else:
        print_fields(facts)
