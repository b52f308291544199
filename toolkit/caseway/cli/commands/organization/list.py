"""`caseway organization list`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table
from caseway.cli.session import Session

COLUMNS = {
    "name": "NAME",
    "title": "TITLE",
    "role": "YOUR ROLE",
    "members": "MEMBERS",
}


@click.command("list")
@session_options()
@with_session
def command(session: Session) -> None:
    """List the organizations you belong to; on the server's own machine, all of them."""
    from caseway.operations.client import every

    with session.client() as client:
        found = every(client, "organizations.list")
    if session.is_json:
        print_json({"organizations": found})
    else:
        print_table(found, COLUMNS, empty="no organizations")
