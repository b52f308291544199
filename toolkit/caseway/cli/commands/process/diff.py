"""`caseway process diff NAME FROM TO`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.session import Session


@click.command("diff")
@click.argument("name")
@click.argument("before", metavar="FROM")
@click.argument("after", metavar="TO")
@session_options()
@with_session
def command(session: Session, name: str, before: str, after: str) -> None:
    """Compare versions FROM and TO of process NAME, field by field."""
    from caseway.cli.diff_text import compared, print_comparison

    with session.client() as client:
        old = client.call("templates.get", process=name, version=before)
        new = client.call("templates.get", process=name, version=after)
    print_comparison(session, compared(name, before, after, old["body"], new["body"]))
