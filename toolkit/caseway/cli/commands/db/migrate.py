"""`caseway db migrate`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, say
from caseway.cli.session import Session, prepare_sqlite


@click.command("migrate")
@session_options()
@with_session
def command(session: Session) -> None:
    """Bring the database's schema to this version; safe to run again, and from several places at once."""
    session.refuse_remote()
    from caseway.platform.database import migrate

    url = session.database_url(session.project_root())
    prepare_sqlite(url, create=True)
    before, after = migrate(url)
    if session.is_json:
        print_json({"before": before, "after": after, "changed": before != after})
    elif before == after:
        say(f"the schema is up to date: {after}")
    else:
        say(f"migrated from {before or 'nothing'} to {after}")
