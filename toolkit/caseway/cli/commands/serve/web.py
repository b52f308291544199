"""`caseway serve web` and `caseway serve all`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.session import Session

_Command = TypeVar("_Command", bound=Callable[..., Any])

MEGABYTE = 1024 * 1024


def _listening(function: _Command) -> _Command:
    """The options of whatever answers requests."""
    options = [
        click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on."),
        click.option(
            "--port",
            type=click.IntRange(0, 65535),
            default=8080,
            show_default=True,
            help="The port; 0 takes a free one.",
        ),
        click.option(
            "--base-url",
            envvar="CASEWAY_BASE_URL",
            show_envvar=True,
            default="",
            metavar="URL",
            help="Where others reach this server, for the URLs of triggers.",
        ),
        click.option(
            "--drain",
            type=click.FloatRange(0, 3600),
            default=5.0,
            show_default=True,
            help="Seconds that it says not ready, still answering, before it stops.",
        ),
        click.option(
            "--grace",
            type=click.FloatRange(0, 3600),
            default=20.0,
            show_default=True,
            help="Seconds that what is under way gets to end.",
        ),
        click.option(
            "--max-body",
            type=click.IntRange(1, 1024),
            default=10,
            show_default=True,
            metavar="MB",
            help="The largest request, uploads of content apart.",
        ),
        click.option(
            "--max-rate",
            type=click.FloatRange(0, 100_000),
            default=0.0,
            show_default=True,
            metavar="N",
            help="Requests of the API a second for each token, else address; 0: any number.",
        ),
        click.option(
            "--trusted-proxy",
            "proxies",
            multiple=True,
            metavar="NETWORK",
            help="A network whose X-Forwarded-For is believed, such as 10.0.0.0/8.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@click.command("web")
@_listening
@session_options()
@with_session
def web(session: Session, **asked: Any) -> None:
    """Answer the API under /api/v1, triggers under /hooks, and /healthz, /readyz and /metrics.

    SIGTERM or ^C stop it: it says not ready for --drain seconds, then lets what is under way end. Executions
    are run by 'caseway serve worker'.
    """
    from caseway.cli.serving import serve_web

    serve_web(session, asked, None)


@click.command("all")
@_listening
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
@session_options()
@with_session
def everything(
    session: Session, concurrency: int, allow_processes: bool, executor: str, **asked: Any
) -> None:
    """Answer requests, fire schedules and run executions in one process, on one database.

    SIGTERM or ^C stop it as 'serve web' and 'serve worker' are stopped.
    """
    from caseway.cli.serving import Working, serve_web

    serve_web(session, asked, Working(concurrency, asked["grace"], allow_processes, executor=executor))
