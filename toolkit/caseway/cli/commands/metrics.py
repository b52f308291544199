"""`caseway metrics`."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table
from caseway.cli.session import Session

COLUMNS = {
    "start": "WINDOW",
    "process": "PROCESS",
    "workflow": "WORKFLOW",
    "executions": "ENDED",
    "faulted": "FAULTED",
    "p50": "P50 s",
    "p95": "P95 s",
    "longest": "LONGEST s",
}


@click.command("metrics")
@click.option("--since", type=click.DateTime(), help="Ended at or after this time (UTC); a day ago.")
@click.option(
    "--window",
    type=click.Choice(("minute", "hour", "day")),
    default="hour",
    show_default=True,
    help="By what.",
)
@click.option("--process", default="", metavar="NAME", help="Only of this process.")
@click.option("--workflow", default="", metavar="ID", help="Only of this workflow.")
@session_options()
@with_session
def command(session: Session, since: datetime | None, window: str, process: str, workflow: str) -> None:
    """Show how many executions ended in each window, how many faulted, and how long they took."""
    from caseway.operations.client import every

    start = since.replace(tzinfo=UTC).isoformat() if since else ""
    with session.client() as client:
        rows = every(
            client, "metrics.list", since=start or None, window=window, process=process, workflow=workflow
        )
    if session.is_json:
        print_json({"windows": rows})
        return
    for row in rows:
        row |= {name: f"{row[name]:.3f}" for name in ("p50", "p95", "longest")}
    print_table(rows, COLUMNS, empty="no execution ended since then")
