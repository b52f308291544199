"""`caseway executions resume ID`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.session import Session


@click.command("resume")
@click.argument("execution_id", metavar="ID")
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Run it here, or leave it to a worker."
)
@click.option("--allow-processes", is_flag=True, help="Let shell and script tasks run on this machine.")
@session_options()
@with_session
def command(session: Session, execution_id: str, wait: bool, allow_processes: bool) -> int:
    """Go on with execution ID from its journal: what was done is not done again."""
    from caseway.cli.executing import see_through

    with session.client() as client:
        view = client.call("executions.resume", id=execution_id)
        return see_through(session, client, view, wait=wait, processes=allow_processes)
