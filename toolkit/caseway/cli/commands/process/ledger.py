"""`caseway process publish|deprecate NAME VERSION`: commands of one shape."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json
from caseway.cli.session import Session


def _ledger(verb: str, explanation: str) -> click.Command:
    @click.command(verb, help=explanation)
    @click.argument("name")
    @click.argument("version")
    @session_options()
    @with_session
    def write(session: Session, name: str, version: str) -> None:
        from caseway.cli.process_text import print_process

        with session.client() as client:
            facts = client.call(f"templates.{verb}", process=name, version=version)
        if session.is_json:
            print_json(facts)
        else:
            print_process(facts)

    return write


publish = _ledger("publish", "Make VERSION of process NAME the published one; the one before is deprecated.")
deprecate = _ledger("deprecate", "Withdraw VERSION of process NAME; instances that run it go on.")
