"""`caseway project pull|suspend|resume NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json
from caseway.cli.session import Session


def _steering(verb: str, summary: str) -> click.Command:
    @click.command(verb, help=summary)
    @click.argument("name")
    @session_options()
    @with_session
    def command(session: Session, name: str) -> None:
        from caseway.cli.pulled import print_project

        with session.client() as client:
            view = client.call(f"projects.{verb}", project=name)
        if session.is_json:
            print_json(view)
        else:
            print_project(view)

    return command


pull = _steering("pull", "Have project NAME looked at now, whenever its next look would be.")
suspend = _steering("suspend", "Leave project NAME as it is, whatever is pushed, until it is resumed.")
resume = _steering("resume", "Pull project NAME again, at once.")
