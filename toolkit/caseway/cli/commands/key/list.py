"""`caseway key list INSTANCE`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table
from caseway.cli.session import Session

COLUMNS = {
    "id": "ID",
    "name": "NAME",
    "prefix": "BEGINS",
    "createdAt": "CREATED",
    "expiresAt": "EXPIRES",
    "revokedAt": "REVOKED",
    "last_used_at": "LAST USED",
}


@click.command("list")
@click.argument("instance")
@session_options(stage=True)
@with_session
def command(session: Session, instance: str) -> None:
    """List the API keys of INSTANCE, never their secrets."""
    from caseway.cli.instance_name import instance_name
    from caseway.operations.client import every

    with session.client() as client:
        instance = instance_name(session, client, instance)
        views = every(client, "keys.list", instance=instance)
    views.reverse()  # newest first
    if session.is_json:
        print_json({"keys": views})
    else:
        shown = {key: head for key, head in COLUMNS.items() if not views or key in views[0]}
        print_table(views, shown, empty="no keys")
