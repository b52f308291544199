"""`caseway executions get ID`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json
from caseway.cli.session import Session


@click.command("get")
@click.argument("execution_id", metavar="ID")
@session_options()
@with_session
def command(session: Session, execution_id: str) -> None:
    """Show execution ID: facts, task tree, output or error."""
    from caseway.cli.executions_text import print_execution

    with session.client() as client:
        facts = client.call("executions.get", id=execution_id)
    if session.is_json:
        print_json(facts)
    else:
        print_execution(facts, facts["tasks"])
