"""`caseway credential list`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table
from caseway.cli.session import Session

COLUMNS = {
    "name": "NAME",
    "scope": "SCOPE",
    "owner": "OWNER",
    "type": "TYPE",
    "source": "SOURCE",
    "updatedAt": "UPDATED",
    "expiresAt": "EXPIRES",
}


@click.command("list")
@session_options()
@with_session
def command(session: Session) -> None:
    """List the stored credentials by name and scope, never a value."""
    from caseway.operations.client import every

    with session.client() as client:
        views = every(client, "credentials.list")
    if session.is_json:
        print_json({"credentials": views})
    else:
        print_table(views, COLUMNS, empty="no credentials")
