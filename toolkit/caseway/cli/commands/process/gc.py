"""`caseway process gc`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session

KEEP = 20


@click.command("gc")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=KEEP,
    show_default=True,
    help="How many of the newest versions of each process stay in any case.",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@session_options()
@with_session
def command(session: Session, keep: int, yes: bool) -> None:
    """Forget old versions that were never published and never deployed. What anything refers to stays."""
    from caseway.cli.confirm import confirm

    confirm(session, f"Forget unused versions beyond the newest {keep} of each process?", is_sure=yes)
    with session.client() as client:
        gone = client.call("templates.collect", keep=keep)["forgotten"]
    if session.is_json:
        print_json({"forgotten": gone})
        return
    for name in gone:
        say(f"forgot {clean(name)}")
    if not gone:
        say("nothing to forget: all other versions are in use, published, or new", err=True)
