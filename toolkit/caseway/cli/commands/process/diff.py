"""`caseway process diff NAME [FROM] [TO]`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.session import Session


@click.command("diff")
@click.argument("name")
@click.argument("before", metavar="[FROM]", required=False, default="")
@click.argument("after", metavar="[TO]", required=False, default="")
@session_options(stage=True)
@with_session
def command(session: Session, name: str, before: str, after: str) -> None:
    """Compare versions FROM and TO of process NAME, field by field.

    FROM is by default what runs in --stage, TO the newest version.
    """
    from caseway.cli.diff_text import compared, print_comparison
    from caseway.cli.stage_versions import version_named

    with session.client() as client:
        before = version_named(session, client, name, before)
        after = after or client.call("processes.get", name=name)["latest"]
        old = client.call("templates.get", process=name, version=before)
        new = client.call("templates.get", process=name, version=after)
    print_comparison(session, compared(name, before, after, old["body"], new["body"]))
