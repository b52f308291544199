"""`caseway serve worker`: run what is due, until told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import say
from caseway.cli.session import Session


@click.command("worker")
@click.option("--concurrency", type=click.IntRange(1, 1000), default=10, show_default=True, help="At once.")
@click.option("--allow-processes", is_flag=True, help="Let shell and script tasks run on this machine.")
@click.option(
    "--executor",
    envvar="CASEWAY_EXECUTOR",
    show_envvar=True,
    type=click.Choice(["docker", "kubernetes"]),
    default="docker",
    show_default=True,
    help="Where executions run whose use cases ask for a container.",
)
@click.option("--once", is_flag=True, help="Run what is due now, then exit.")
@click.option(
    "--grace",
    type=click.FloatRange(0, 3600),
    default=20.0,
    show_default=True,
    help="Seconds that running executions get to end when the worker is told to stop.",
)
@click.option(
    "--heartbeat",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Touch FILE every five seconds: when it grows old, the worker hangs and shall be started anew.",
)
@session_options()
@with_session
def command(session: Session, **asked: Any) -> None:
    """Fire schedules, wake what waited, and run what is pending.

    SIGTERM or ^C stop it: nothing new is started, what runs may end within --grace seconds, the rest is
    handed over to the next worker, which goes on from the journal.
    """
    import asyncio

    from caseway.cli.serving import Working, working

    how = Working(
        asked["concurrency"],
        asked["grace"],
        asked["allow_processes"],
        asked["once"],
        asked["executor"],
        asked["heartbeat"],
    )
    with session.platform() as platform, working(platform, how) as work:
        ended = asyncio.run(work(None))
    if session.is_text:
        say(f"{ended} executions ran", err=True)
