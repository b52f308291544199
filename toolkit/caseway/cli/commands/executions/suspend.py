"""`caseway executions suspend ID`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, painted_status, print_json, say
from caseway.cli.session import Session


@click.command("suspend")
@click.argument("execution_id", metavar="ID")
@session_options()
@with_session
def command(session: Session, execution_id: str) -> None:
    """Halt execution ID until it is resumed.

    One that runs elsewhere halts as soon as its worker hears of it; what it was doing is done again later.
    """
    with session.client() as client:
        facts = client.call("executions.suspend", id=execution_id)
    if session.is_json:
        print_json(facts)
    else:
        say(f"{painted_status(facts['status'])}  {clean(execution_id)}")
