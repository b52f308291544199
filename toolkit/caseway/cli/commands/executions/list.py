"""`caseway executions list`."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table, say
from caseway.cli.session import Session

STATUSES = ("pending", "running", "waiting", "suspended", "cancelled", "faulted", "completed")


@click.command("list")
@click.option("--instance", default="", metavar="NAME", help="Only of this instance.")
@click.option("--workflow", default="", metavar="ID", help="Only of this workflow.")
@click.option("--status", type=click.Choice(STATUSES), default=None, help="Only with this status.")
@click.option("--trigger", default="", metavar="TYPE", help="Only started by this kind of trigger.")
@click.option("--version", default="", help="Only of this version.")
@click.option("--since", type=click.DateTime(), help="Created at or after this time (UTC).")
@click.option("--until", type=click.DateTime(), help="Created before this time (UTC).")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many.")
@click.option("--cursor", default="", help="Go on after the page that gave this cursor.")
@session_options(stage=True)
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session,
    instance: str,
    workflow: str,
    status: str | None,
    trigger: str,
    version: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    cursor: str,
) -> None:
    """List executions, newest first."""
    from caseway.cli.executions_text import COLUMNS, row_of

    with session.client() as client:
        page = client.call(
            "executions.list",
            instance=instance,
            stage=session.settings.stage,
            workflow=workflow,
            status=status,
            trigger=trigger,
            version=version,
            since=since.replace(tzinfo=UTC).isoformat() if since else None,
            until=until.replace(tzinfo=UTC).isoformat() if until else None,
            limit=limit,
            cursor=cursor,
        )
    rows = page["items"]
    if session.is_json:
        print_json({"executions": rows, "nextCursor": page["nextCursor"]})
        return
    print_table([row_of(row) for row in rows], COLUMNS, empty="no executions")
    if page["nextCursor"]:
        say(f"more: --cursor {page['nextCursor']}", err=True)
