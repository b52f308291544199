"""`caseway process verify`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, paint, print_json, say
from caseway.cli.session import Session


@click.command("verify")
@session_options()
@with_session
def command(session: Session) -> int:
    """Check that every template still is what its digest says. Exits 1 when one is not."""
    with session.client() as client:
        found = client.call("templates.verify")
    count, damaged = found["templates"], found["damaged"]
    if session.is_json:
        print_json(found)
    elif damaged:
        for name in damaged:
            say(f"{paint('✗', 'red')} {clean(name)}: its body is not what its digest says")
        say("the store was changed by other means than Caseway; restore it from a backup", err=True)
    else:
        say(f"{paint('✓', 'green')} {count} templates are what their digests say")
    return 1 if damaged else 0
