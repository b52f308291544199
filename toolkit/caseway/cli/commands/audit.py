"""`caseway audit`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table, say
from caseway.cli.session import Session

COLUMNS = {
    "at": "AT",
    "actor": "WHO",
    "action": "DID",
    "kind": "WHAT",
    "name": "NAME",
    "commit": "COMMIT",
}


@click.command("audit")
@click.option("--name", default="", metavar="NAME", help="Only changes to what has this name.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many.")
@click.option("--cursor", default="", help="Go on after the page that gave this cursor.")
@session_options()
@with_session
def command(session: Session, name: str, limit: int, cursor: str) -> None:
    """Show who changed what, when, and from which commit, newest first. Nothing is ever taken out of it."""
    with session.client() as client:
        page = client.call("audit.list", name=name, limit=limit, cursor=cursor)
    if session.is_json:
        print_json({"changes": page["items"], "nextCursor": page["nextCursor"]})
        return
    rows = [{**row, "commit": row["commit"][:10]} for row in page["items"]]
    print_table(rows, COLUMNS, empty="nothing has been changed")
    if page["nextCursor"]:
        say(f"more: --cursor {page['nextCursor']}", err=True)
