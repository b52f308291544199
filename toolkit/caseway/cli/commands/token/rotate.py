"""`caseway token rotate TOKEN`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("rotate")
@click.argument("token")
@click.option("--expires", metavar="DURATION", default="", help="How long the new one is good.")
@click.option("--overlap", metavar="DURATION", default="24h", show_default=True, help="How long both work.")
@session_options()
@with_session
def command(session: Session, token: str, expires: str, overlap: str) -> None:
    """Make a token in place of TOKEN (its id or how it begins); its secret goes to stdout, once. Without
    --expires it is good for as long as the old one was."""
    from caseway.worker.quantities import seconds

    with session.client() as client:
        made = client.call(
            "tokens.rotate",
            token=token,
            seconds=int(seconds(expires)) if expires else 0,
            overlap=int(seconds(overlap)),
        )
    if session.is_json:
        print_json(made)
        return
    say(made["secret"])
    say(f"token {clean(made['token']['prefix'])}: keep it now, it is not shown again", err=True)
