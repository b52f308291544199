"""`caseway secret encrypt FILE`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("encrypt")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--recipient", "recipients", metavar="age1…", multiple=True, required=True, help="For whom.")
@session_options(project=False)
@with_session
def command(session: Session, file: str, recipients: tuple[str, ...]) -> None:
    """Encrypt the values in FILE, in place; those that are encrypted stay as they are. FILE names a
    credential: {name: erp, type: bearer, value: {token: …}}, and may say its scope and owner."""
    from pathlib import Path

    from caseway.cli.secret_files import read_secret, write_secret
    from caseway.platform.age_files import is_sealed, sealed

    document = read_secret(Path(file))
    value = {
        key: item if is_sealed(item) else sealed({key: item}, recipients)[key]
        for key, item in document["value"].items()
    }
    write_secret(Path(file), {**document, "value": value})
    if session.is_json:
        print_json({"file": file, "encrypted": sorted(value)})
    else:
        say(f"encrypted {clean(', '.join(sorted(value)))} in {clean(file)}")
