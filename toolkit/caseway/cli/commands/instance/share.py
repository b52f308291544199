"""`caseway instance share NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json
from caseway.cli.session import Session

ROLES = ("viewer", "operator", "editor", "owner")
MODES = ("owner_only", "admins", "everyone", "users")


@click.command("share")
@click.argument("name")
@click.option("--mode", type=click.Choice(MODES), help="Who may use it; --user implies users.")
@click.option(
    "--user", "users", metavar="USER=ROLE", multiple=True, help=f"A user and a role: {', '.join(ROLES)}."
)
@session_options(stage=True)
@with_session
def command(session: Session, name: str, mode: str | None, users: tuple[str, ...]) -> None:
    """Say who else may use instance NAME. This replaces what was said before."""
    from caseway.cli.instance_name import instance_name
    from caseway.cli.instance_text import print_instance

    if mode is None and not users:
        raise click.UsageError("say whom to share with: --mode or --user")
    shares = [_user(text) for text in users]
    with session.client() as client:
        name = instance_name(session, client, name)
        facts = client.call("instances.share", name=name, mode=mode or "users", users=shares)
    if session.is_json:
        print_json(facts)
    else:
        print_instance(facts)


def _user(text: str) -> dict[str, str]:
    user, _, role = text.partition("=")
    role = role or "viewer"
    if not user or role not in ROLES:
        raise click.BadParameter(
            f"{text!r} is not USER=ROLE with one of {', '.join(ROLES)}", param_hint="--user"
        )
    return {"user": user, "role": role}
