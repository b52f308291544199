"""`caseway instance pause|resume|archive|restore|undeploy NAME`: commands of one shape."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json
from caseway.cli.session import Session


def _steering(verb: str, explanation: str) -> click.Command:
    @click.command(verb, help=explanation)
    @click.argument("name")
    @session_options(stage=True)
    @with_session
    def steer(session: Session, name: str) -> None:
        from caseway.cli.instance_name import instance_name
        from caseway.cli.instance_text import print_instance

        with session.client() as client:
            name = instance_name(session, client, name)
            facts = client.call(f"instances.{verb}", name=name)
        if session.is_json:
            print_json(facts)
        else:
            print_instance(facts)

    return steer


pause = _steering("pause", "Switch the triggers of instance NAME off; everything is kept.")
resume = _steering("resume", "Switch the triggers of instance NAME on again.")
archive = _steering("archive", "Hide instance NAME and switch it off; 'restore' brings it back.")
restore = _steering("restore", "Bring the archived instance NAME back.")
undeploy = _steering("undeploy", "Take instance NAME down; its definition and history are kept.")
