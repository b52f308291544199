"""`caseway executions cancel ID`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, painted_status, print_json, say
from caseway.cli.session import Session


@click.command("cancel")
@click.argument("execution_id", metavar="ID")
@session_options()
@with_session
def command(session: Session, execution_id: str) -> None:
    """Stop execution ID. One that runs elsewhere stops as soon as its worker hears of it."""
    with session.client() as client:
        facts = client.call("executions.cancel", id=execution_id)
    if session.is_json:
        print_json(facts)
    else:
        say(f"{painted_status(facts['status'])}  {clean(execution_id)}")
