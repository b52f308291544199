"""`caseway dev`: server, scheduler, worker and watch in one process."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json
from caseway.cli.session import Session


@click.command("dev")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: a free one.")
@click.option("--open/--no-open", "opens", default=None, help="Open the local address in a browser.")
@click.option("--allow-processes", is_flag=True, help="Let shell and script tasks run on this machine.")
@click.option("--take-over", is_flag=True, help="Instances of other stages may be switched off.")
@session_options(stage=True)
@with_session
def command(session: Session, port: int, opens: bool | None, allow_processes: bool, take_over: bool) -> int:
    """Run everything on this machine: the server, the scheduler and a worker on the project's own database,
    with each save going live, until ^C.

    With --format json it only brings the work tree live and says so.
    """
    if session.is_json:
        return _once(session, take_over)
    from caseway.cli.developing import develop

    session.refuse_remote()
    return develop(session, port=port, opens=opens, processes=allow_processes, takes_over=take_over)


def _once(session: Session, take_over: bool) -> int:
    from caseway.cli.watching import a_watch, outcome_json

    with session.client(create=True) as client:
        watch = a_watch(session, client, takes_over=take_over)
        first = watch.begin()
        assert first is not None
        watch.end()
    print_json(outcome_json(first))
    return 0 if first.status in {"live", "unchanged"} else 1
