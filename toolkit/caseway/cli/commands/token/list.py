"""`caseway token list`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table
from caseway.cli.session import Session

COLUMNS = {
    "prefix": "BEGINS",
    "kind": "KIND",
    "name": "NAME",
    "owner": "OWNER",
    "scopes": "SCOPES",
    "project": "PROJECT",
    "expiresAt": "EXPIRES",
    "revokedAt": "REVOKED",
    "lastUsedAt": "LAST USED",
}


@click.command("list")
@click.option("--service-account", default="", metavar="NAME", help="Those of this service account.")
@click.option("--all", "everyones", is_flag=True, help="All of the organization; for admins.")
@session_options()
@with_session
def command(session: Session, service_account: str, everyones: bool) -> None:
    """List your tokens, those of a service account, or all of the organization; never a secret."""
    from caseway.operations.client import every

    with session.client() as client:
        found = every(client, "tokens.list", service_account=service_account, all=everyones)
    if session.is_json:
        print_json({"tokens": found})
    else:
        print_table(found, COLUMNS, empty="no tokens")
