"""`caseway service-account list`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table
from caseway.cli.session import Session

COLUMNS = {
    "name": "NAME",
    "scopes": "SCOPES",
    "project": "PROJECT",
    "isDisabled": "SHUT OUT",
    "description": "FOR",
}


@click.command("list")
@session_options()
@with_session
def command(session: Session) -> None:
    """List the service accounts of the organization."""
    from caseway.operations.client import every

    with session.client() as client:
        found = every(client, "service-accounts.list")
    if session.is_json:
        print_json({"serviceAccounts": found})
    else:
        print_table(found, COLUMNS, empty="no service accounts")
