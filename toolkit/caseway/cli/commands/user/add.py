"""`caseway user add NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session

ROLES = ("member", "admin", "owner")


@click.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="member", show_default=True, help="As what.")
@click.option("--title", default="", help="The name as people read it.")
@click.option("--email", default="", help="Their address; a sign-in elsewhere is known by it.")
@click.option("--password", is_flag=True, help="Ask for a password, or read it from stdin.")
@session_options()
@with_session
def command(session: Session, name: str, role: str, title: str, email: str, password: bool) -> None:
    """Make NAME a member of the organization. Whoever has no password signs in elsewhere or shows a token."""
    from caseway.cli.asked import new_password

    secret = new_password() if password else ""
    with session.client() as client:
        made = client.call("users.add", name=name, role=role, title=title, email=email, password=secret)
    if session.is_json:
        print_json(made)
    else:
        say(f"{clean(name)} is {clean(made['role'])} now")
