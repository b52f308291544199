"""`caseway process publish|deprecate NAME [VERSION]`: commands of one shape."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json
from caseway.cli.session import Session


def _ledger(verb: str, explanation: str) -> click.Command:
    @click.command(verb, help=explanation)
    @click.argument("name")
    @click.argument("version", required=False, default="")
    @session_options(stage=True)
    @with_session
    def write(session: Session, name: str, version: str) -> None:
        from caseway.cli.process_text import print_process
        from caseway.cli.stage_versions import version_named

        with session.client() as client:
            chosen = version_named(session, client, name, version)
            facts = client.call(f"templates.{verb}", process=name, version=chosen)
        if session.is_json:
            print_json(facts)
        else:
            print_process(facts)

    return write


_DEFAULT = "VERSION is by default what runs in --stage."
publish = _ledger(
    "publish", f"Make VERSION of process NAME the published one; the one before is deprecated. {_DEFAULT}"
)
deprecate = _ledger("deprecate", f"Withdraw VERSION of process NAME; instances that run it go on. {_DEFAULT}")
