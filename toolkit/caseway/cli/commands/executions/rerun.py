"""`caseway executions rerun ID`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.session import Session


@click.command("rerun")
@click.argument("execution_id", metavar="ID")
@click.option(
    "--from",
    "origin",
    default="",
    metavar="REF",
    help="The first task done anew; what ended before it is taken as it was.",
)
@click.option("--until", default="", metavar="REF", help="End after this task, with its output.")
@click.option("--pin", "pins", multiple=True, metavar="REF=JSON", help="An output that stands for a task.")
@click.option("--input", "given", metavar="JSON|@FILE|-", help="Another input.")
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Run it here, or leave it to a worker."
)
@click.option("--allow-processes", is_flag=True, help="Let shell and script tasks run on this machine.")
@session_options()
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session,
    execution_id: str,
    origin: str,
    until: str,
    pins: tuple[str, ...],
    given: str | None,
    wait: bool,
    allow_processes: bool,
) -> int:
    """Run execution ID again, as a new execution: whole, from a task on, with another input, with outputs
    pinned, or only up to a task. REF is a task's reference, such as /do/2/notify."""
    from caseway.cli.executing import see_through
    from caseway.cli.values import json_from, outputs_from

    with session.client() as client:
        view = client.call(
            "executions.rerun",
            id=execution_id,
            origin=origin,
            until=until,
            pins=outputs_from(pins),
            input=json_from(given) if given is not None else None,
        )
        return see_through(session, client, view, wait=wait, processes=allow_processes)
