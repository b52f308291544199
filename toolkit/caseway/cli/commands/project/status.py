"""`caseway project status [NAME]`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table
from caseway.cli.session import Session

COLUMNS = {
    "project": "PROJECT",
    "state": "STATE",
    "applied": "APPLIED",
    "seenAt": "SEEN",
    "drift": "DRIFT",
    "url": "FROM",
    "error": "NOTE",
}


@click.command("status")
@click.argument("name", required=False)
@session_options()
@with_session
def command(session: Session, name: str | None) -> int:
    """Show the projects that the platform pulls: what was seen last, what is applied, drift and errors. Of
    one project everything. Exits 1 when that one has an error."""
    from caseway.cli.pulled import print_project, row_of
    from caseway.operations.client import every

    with session.client() as client:
        if name:
            view = client.call("projects.get", project=name)
            print_json(view) if session.is_json else print_project(view)
            return 1 if view["error"] else 0
        views = every(client, "projects.list")
    if session.is_json:
        print_json({"projects": views})
    else:
        print_table([row_of(view) for view in views], COLUMNS, empty="no project is pulled")
    return 0
