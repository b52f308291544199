"""`caseway secret decrypt FILE`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, say
from caseway.cli.session import Session


@click.command("decrypt")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@session_options(project=False)
@with_session
def command(session: Session, file: str) -> None:
    """Print the values of FILE, opened with CASEWAY_AGE_IDENTITY. Nothing is written."""
    import json
    import os
    from pathlib import Path

    from caseway.cli.credential_sources import identities_in
    from caseway.cli.secret_files import read_secret
    from caseway.platform.age_files import opened

    document = read_secret(Path(file))
    value = opened(document["value"], identities_in(os.environ.get("CASEWAY_AGE_IDENTITY", "")))
    if session.is_json:
        print_json({**document, "value": value})
    else:
        say(json.dumps(value, indent=2, ensure_ascii=False))
