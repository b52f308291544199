"""`caseway runtime list`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table
from caseway.cli.session import Session

COLUMNS = {
    "name": "RUNTIME",
    "status": "STATUS",
    "version": "VERSION",
    "image": "IMAGE",
    "size": "BYTES",
    "endedAt": "BUILT",
}


@click.command("list")
@session_options()
@with_session
def command(session: Session) -> None:
    """List the runtimes of the organization and the images that they stand for."""
    from caseway.cli.runtime_text import runtime_facts
    from caseway.operations.client import every

    with session.client() as client:
        found = [runtime_facts(told) for told in every(client, "runtimes.list")]
    if session.is_json:
        print_json({"runtimes": found})
    else:
        print_table(found, COLUMNS, empty="no runtimes: 'caseway apply' brings those of the project")
