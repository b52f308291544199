"""`caseway token create`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session

SCOPES = ("read", "trigger", "deploy", "manage")


@click.command("create")
@click.option(
    "--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True, help="May do; repeatable."
)
@click.option("--name", default="", help="What it is for.")
@click.option(
    "--expires", metavar="DURATION|never", default="90d", show_default=True, help="How long it is good."
)
@click.option("--for-project", "project", default="", metavar="NAME", help="For this project alone.")
@click.option("--service-account", default="", metavar="NAME", help="Of this service account; for admins.")
@click.option("--user", default="", metavar="NAME", help="Of this person; on the server's own machine.")
@session_options()
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session,
    scopes: tuple[str, ...],
    name: str,
    expires: str,
    project: str,
    service_account: str,
    user: str,
) -> None:
    """Make a token. Its secret goes to stdout, once; it is stored hashed."""
    from caseway.worker.quantities import seconds

    with session.client() as client:
        made = client.call(
            "tokens.create",
            scopes=list(scopes),
            name=name,
            project=project,
            seconds=0 if expires == "never" else int(seconds(expires)),
            service_account=service_account,
            user=user,
        )
    if session.is_json:
        print_json(made)
        return
    say(made["secret"])
    say(f"token {clean(made['token']['prefix'])}: keep it now, it is not shown again", err=True)
