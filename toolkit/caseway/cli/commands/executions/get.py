"""`caseway executions get ID`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import facts_of, print_json
from caseway.cli.session import Session


@click.command("get")
@click.argument("execution_id", metavar="ID")
@session_options()
@with_session
def command(session: Session, execution_id: str) -> None:
    """Show execution ID: facts, task tree, output or error."""
    from caseway.cli.executions_text import execution_facts, print_execution
    from caseway.platform.executions import get_execution, tasks, waiting_of

    with session.acting() as (platform, _):
        facts = execution_facts(get_execution(platform, execution_id))
        waiting = waiting_of(platform, execution_id)
        rows = [facts_of(item) for item in tasks(platform, execution_id)]
    if waiting is not None:
        facts["waiting"] = waiting.as_json()
    if session.is_json:
        print_json({**facts, "tasks": rows})
    else:
        print_execution(facts, rows)
