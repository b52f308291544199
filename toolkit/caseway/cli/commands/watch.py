"""`caseway watch`: a save is validated and live."""

from __future__ import annotations

import threading

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, say
from caseway.cli.session import Session


@click.command("watch")
@click.option("--once", is_flag=True, help="Bring the work tree live as it is, then exit.")
@click.option("--take-over", is_flag=True, help="Instances of other stages may be switched off.")
@session_options(stage=True)
@with_session
def command(session: Session, once: bool, take_over: bool) -> int:
    """Bring each save of a file live, in the first stage or in --stage, until ^C.

    Only what changed is read, validated and planned. What does not hold is shown where it stands, and the
    version before goes on serving. No version is made: what goes live are snapshots that are never published
    and are forgotten when they serve no more. With --format json it is done once.
    """
    from caseway.cli.watching import a_watch, outcome_json, say_outcome, watch_until

    with session.client(create=True) as client:
        watch = a_watch(session, client, takes_over=take_over)
        first = watch.begin()
        assert first is not None
        if session.is_json:
            print_json(outcome_json(first))
        else:
            say_outcome(first)
        if once or session.is_json:
            watch.end()
            return 0 if first.status in {"live", "unchanged"} else 1
        root = session.project_root().resolve()
        say(f"watching {root}; ^C ends it", err=True)
        watch_until(watch, root, threading.Event(), say_outcome)
    return 0
