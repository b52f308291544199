"""`caseway service-account create NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session

SCOPES = ("read", "trigger", "deploy", "manage")


@click.command("create")
@click.argument("name")
@click.option(
    "--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True, help="May do; repeatable."
)
@click.option("--for-project", "project", default="", metavar="NAME", help="In this project alone.")
@click.option("--description", default="", help="What it is for.")
@session_options()
@with_session
def command(session: Session, name: str, scopes: tuple[str, ...], project: str, description: str) -> None:
    """Make the service account NAME; then: caseway token create --service-account NAME."""
    with session.client() as client:
        made = client.call(
            "service-accounts.create",
            name=name,
            scopes=list(scopes),
            project=project,
            description=description,
        )
    if session.is_json:
        print_json(made)
    else:
        say(f"made {clean(name)}: {clean(', '.join(made['scopes']))}")
