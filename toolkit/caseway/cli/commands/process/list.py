"""`caseway process list`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table
from caseway.cli.session import Session

COLUMNS = {
    "name": "NAME",
    "title": "TITLE",
    "published": "PUBLISHED",
    "latest": "LATEST",
    "project": "PROJECT",
}


@click.command("list")
@click.option("--search", default="", metavar="TEXT", help="Only those with TEXT in name, title or tags.")
@click.option("--archived", is_flag=True, help="Archived ones too.")
@click.option("--starters", is_flag=True, help="Only those that are meant to be copied.")
@session_options()
@with_session
def command(session: Session, search: str, archived: bool, starters: bool) -> None:
    """List processes with their published and latest versions."""
    from caseway.operations.client import every

    with session.client() as client:
        operation = "processes.starters" if starters else "processes.list"
        found = every(client, operation, archived=archived, search=search)
    if session.is_json:
        print_json({"processes": found})
    else:
        print_table(found, COLUMNS, empty="no processes")
