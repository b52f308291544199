"""`caseway user change NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session

ROLES = ("member", "admin", "owner")


@click.command("change")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), help="What they are from now on.")
@click.option("--disable/--enable", "disabled", default=None, help="Shut them out, or let them in again.")
@click.option("--password", is_flag=True, help="Ask for a new password, or read it from stdin.")
@session_options()
@with_session
def command(session: Session, name: str, role: str | None, disabled: bool | None, password: bool) -> None:
    """Change what member NAME is. Only an owner makes or unmakes an owner."""
    from caseway.cli.asked import new_password

    if role is None and disabled is None and not password:
        raise click.UsageError("say what changes: --role, --disable, --enable or --password")
    secret = new_password() if password else ""
    with session.client() as client:
        made = client.call("users.change", name=name, role=role or "", disabled=disabled, password=secret)
    if session.is_json:
        print_json(made)
    else:
        say(f"{clean(name)} is {clean(made['role'])}" + (", shut out" if made["isDisabled"] else ""))
