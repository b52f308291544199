"""`caseway trigger INSTANCE [WORKFLOW]`: start an execution, and see it through."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.session import Session


@click.command("trigger")
@click.argument("instance")
@click.argument("workflow", required=False, default="")
@click.option("--input", "given", metavar="JSON|@FILE|-", help="The workflow's input.")
@click.option("--trigger", "trigger_id", metavar="ID", default="", help="As if this trigger had fired.")
@click.option("--run-now", is_flag=True, help="Run a scheduled workflow now, as its schedule would.")
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Run it here and show how it ends, or leave it to a worker.",
)
@click.option("--allow-processes", is_flag=True, help="Let shell and script tasks run on this machine.")
@click.option("--idempotency-key", metavar="TEXT", default="", help="The same key starts only one execution.")
@session_options(stage=True)
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session,
    instance: str,
    workflow: str,
    given: str | None,
    trigger_id: str,
    run_now: bool,
    wait: bool,
    allow_processes: bool,
    idempotency_key: str,
) -> int:
    """Start an execution of WORKFLOW (default: the one that has a manual trigger) of INSTANCE.

    When waiting, exits 0 only when it completed. If this process dies on the way,
    'caseway executions resume ID' goes on where it was.
    """
    from caseway.cli.executing import see_through
    from caseway.cli.instance_name import instance_name
    from caseway.cli.values import json_from

    value = json_from(given)
    with session.client() as client:
        view = client.call(
            "executions.create",
            instance=instance_name(session, client, instance),
            workflow=workflow,
            input=value,
            trigger_id=trigger_id,
            run_now=run_now,
            idempotency_key=idempotency_key,
        )
        return see_through(session, client, view, wait=wait, processes=allow_processes)
