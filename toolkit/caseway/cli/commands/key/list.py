"""`caseway key list INSTANCE`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import facts_of, print_json, print_table
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
    from caseway.platform import keys

    with session.acting() as (platform, organization):
        instance = instance_name(session, platform, organization, instance)
        views = [facts_of(view) for view in keys.list_keys(platform, organization, instance)]
    if session.is_json:
        print_json({"keys": views})
    else:
        shown = {key: head for key, head in COLUMNS.items() if not views or key in views[0]}
        print_table(views, shown, empty="no keys")
