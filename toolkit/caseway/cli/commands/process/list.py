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
@session_options(stage=True)
@with_session
def command(session: Session, search: str, archived: bool, starters: bool) -> None:
    """List processes with their published and latest versions; with --stage those that run there."""
    from caseway.cli.stage_versions import running_in
    from caseway.operations.client import every

    with session.client() as client:
        operation = "processes.starters" if starters else "processes.list"
        found = list(every(client, operation, archived=archived, search=search))
        columns = COLUMNS
        if session.settings.stage:
            running = running_in(client, session.settings.stage)
            columns = {**COLUMNS, "running": "RUNNING"}
            found = [
                {**each, "running": sorted(set(running[each["name"]].values()))}
                for each in found
                if each["name"] in running
            ]
    if session.is_json:
        print_json({"processes": found})
    else:
        rows = [{**each, "running": ", ".join(each.get("running") or ())} for each in found]
        print_table(rows, columns, empty="no processes")
