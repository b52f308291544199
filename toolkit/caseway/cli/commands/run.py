"""`caseway run FILE`: one workflow, here and now, with no platform."""

from __future__ import annotations

from pathlib import Path

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import facts_of, print_json, say
from caseway.cli.session import Session


@click.command("run")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--input", "given", metavar="JSON|@FILE|-", help="The workflow's input.")
@click.option(
    "--param", "-p", "params", metavar="NAME=VALUE", multiple=True, help="A parameter; JSON or text."
)
@click.option(
    "--secret",
    "-s",
    "secrets",
    metavar="NAME=VALUE",
    multiple=True,
    help="A secret as $secrets.NAME; JSON, text or @FILE.",
)
@click.option(
    "--executor",
    type=click.Choice(["local", "docker"]),
    default="local",
    show_default=True,
    help="Where the engine runs: in this process, or in a container of the runtime.",
)
@click.option("--image", default="", metavar="IMAGE", help="With docker: another image than the runtime's.")
@click.option(
    "--network",
    type=click.Choice(["none", "hosts", "bridge"]),
    default="hosts",
    show_default=True,
    help="With docker: what the container reaches; hosts is HTTP through Caseway.",
)
@click.option(
    "--allow-processes/--no-processes",
    default=True,
    show_default=True,
    help="Whether shell and script tasks may run on this machine.",
)
@click.option(
    "--decide",
    "decisions",
    multiple=True,
    metavar="[TASK=]approve|reject[:JSON]",
    help="Decide an approval beforehand (of TASK, or of all); else the terminal asks.",
)
@click.option("--pin", "pins", multiple=True, metavar="REF=JSON", help="An output that stands for a task.")
@click.option("--until", default="", metavar="REF", help="End after this task, with its output.")
@click.option("--tree/--no-tree", default=True, show_default=True, help="Show the task tree.")
@session_options(project=False)
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session,
    file: Path,
    given: str | None,
    params: tuple[str, ...],
    secrets: tuple[str, ...],
    executor: str,
    image: str,
    network: str,
    allow_processes: bool,
    decisions: tuple[str, ...],
    pins: tuple[str, ...],
    until: str,
    tree: bool,
) -> int:
    """Run the workflow in FILE with no platform.

    Placeholders take --param over the use case's defaults; sub-workflows are found beside FILE.
    Exits 0 only when the workflow completed.
    """
    from caseway.cli.deciding import asker, decisions_from
    from caseway.cli.local_run import Contained, RunRequest, run_file
    from caseway.cli.outcome_text import outcome_json, print_error, print_outcome, print_output
    from caseway.cli.values import json_from, outputs_from, pairs_from
    from caseway.worker.deciding import LocalApprovals

    request = RunRequest(
        file,
        json_from(given),
        pairs_from(params, "--param"),
        pairs_from(secrets, "--secret"),
        allow_processes,
        LocalApprovals(decisions_from(decisions, session.actor()), asker(session.actor())),
        outputs_from(pins),
        until,
        Contained(image, network) if executor == "docker" else None,
    )
    outcome = run_file(request)
    if session.is_json:
        print_json(outcome_json(outcome))
    elif tree:
        print_outcome(outcome, str(file))
    elif outcome.error is not None:
        print_error(facts_of(outcome.error))
    else:
        print_output(outcome.output)
    if outcome.status != "completed" and session.is_text and outcome.error is None:
        say(f"the workflow is {outcome.status}", err=True)
    return 0 if outcome.status == "completed" else 1
