"""`caseway preview list`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table
from caseway.cli.session import Session

COLUMNS = {
    "id": "ID",
    "project": "PROJECT",
    "status": "STATUS",
    "commit": "COMMIT",
    "useCases": "USE CASES",
    "expiresAt": "UNTIL",
    "error": "NOTE",
}


@click.command("list")
@session_options()
@with_session
def command(session: Session) -> None:
    """List the preview stages of the organization."""
    from caseway.delivery.preview import preview_list

    with session.client() as client:
        found = preview_list(client)
    if session.is_json:
        print_json({"previews": found})
        return
    rows = [
        {
            **item,
            "commit": item["commit"][:10],
            "useCases": ", ".join(f"{one['useCase']} {one['version']}" for one in item["useCases"]),
            "expiresAt": item["expiresAt"][:16].replace("T", " "),
        }
        for item in found
    ]
    print_table(rows, COLUMNS, empty="no previews")
