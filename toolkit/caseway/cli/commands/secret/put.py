"""`caseway secret put`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("put")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False))
@session_options()
@with_session
def command(session: Session, files: tuple[str, ...]) -> None:
    """Store the credentials that encrypted FILEs hold, by default every secrets/*.age.yaml of the project.
    They stay encrypted on their way and at rest; the server opens them for an execution."""
    from pathlib import Path

    from caseway.cli.secret_files import read_secret
    from caseway.model.errors import CasewayError
    from caseway.platform.age_files import is_sealed

    folder = session.project_root() / "secrets"
    found = [Path(file) for file in files] or sorted(folder.glob("*.age.yaml"))
    documents = [(file, read_secret(file)) for file in found]
    for file, document in documents:
        if not is_sealed(document["value"]):
            raise CasewayError(
                "this file holds values in clear text",
                code="age",
                place=str(file),
                hint="run `caseway secret encrypt` on it before it enters git",
            )
    stored = []
    with session.client() as client:
        for _, document in documents:
            told = client.call("credentials.set", source="age", **document)
            stored.append(told)
    if session.is_json:
        print_json({"credentials": stored})
        return
    for told in stored:
        say(f"stored {clean(told['credential'])}")
    if not stored:
        say("there are no secrets/*.age.yaml", err=True)
