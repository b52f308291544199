"""`caseway executions artifacts ID [DIGEST]`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table
from caseway.cli.session import Session

COLUMNS = {"digest": "DIGEST", "size": "BYTES", "uses": "TASKS", "expiresAt": "EXPIRES"}


@click.command("artifacts")
@click.argument("execution_id", metavar="ID")
@click.argument("digest", required=False, default="")
@session_options()
@with_session
def command(session: Session, execution_id: str, digest: str) -> None:
    """List the large values of execution ID, which are kept apart; with DIGEST print that one as JSON."""
    from caseway.operations.client import every

    with session.client() as client:
        if digest:
            print_json(client.call("artifacts.get", execution=execution_id, digest=digest)["value"])
            return
        rows = every(client, "artifacts.list", execution=execution_id)
    if session.is_json:
        print_json({"artifacts": rows})
    else:
        print_table(rows, COLUMNS, empty="no large values")
