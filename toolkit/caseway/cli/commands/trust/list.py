"""`caseway trust list`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table
from caseway.cli.session import Session

COLUMNS = {
    "name": "NAME",
    "claims": "CLAIMS",
    "scopes": "SCOPES",
    "project": "PROJECT",
    "issuer": "ISSUER",
    "lastUsedAt": "LAST USED",
}


@click.command("list")
@session_options()
@with_session
def command(session: Session) -> None:
    """List the trust rules of the organization."""
    from caseway.operations.client import every

    with session.client() as client:
        found = every(client, "trusts.list")
    if session.is_json:
        print_json({"trusts": found})
    else:
        print_table(found, COLUMNS, empty="no trust rules")
