"""`caseway instance list`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table
from caseway.cli.session import Session

COLUMNS = {
    "name": "NAME",
    "process": "PROCESS",
    "stage": "STAGE",
    "owner": "OWNER",
    "phase": "PHASE",
    "version": "VERSION",
    "note": "NOTE",
}


@click.command("list")
@click.option("--process", metavar="NAME", default="", help="Only instances of this process.")
@click.option("--owner", metavar="NAME", default="", help="Only instances of this owner.")
@click.option("--archived", is_flag=True, help="Archived ones too.")
@session_options(stage=True)
@with_session
def command(session: Session, process: str, owner: str, archived: bool) -> None:
    """List instances with phase, version and what to know about them."""
    from caseway.cli.instance_text import note_of
    from caseway.operations.client import every

    asked = {"process": process, "stage": session.settings.stage, "owner": owner, "archived": archived}
    with session.client() as client:
        found = every(client, "instances.list", **asked)
    if session.is_json:
        print_json({"instances": found})
        return
    rows = [{**facts, "note": note_of(facts)} for facts in found]
    print_table(rows, COLUMNS, empty="no instances")
