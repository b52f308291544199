"""`caseway instance share NAME`."""

from __future__ import annotations

from typing import Any

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import facts_of, print_json
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
    from caseway.platform import instances
    from caseway.platform.views import get_instance

    if mode is None and not users:
        raise click.UsageError("say whom to share with: --mode or --user")
    sharing: dict[str, Any] = {"mode": mode or "users", "users": [_user(text) for text in users]}
    with session.acting() as (platform, organization):
        name = instance_name(session, platform, organization, name)
        instances.share(platform, organization, name, sharing=sharing, actor=session.actor())
        view = get_instance(platform, organization, name)
    if session.is_json:
        print_json(facts_of(view))
    else:
        print_instance(view)


def _user(text: str) -> dict[str, str]:
    user, _, role = text.partition("=")
    role = role or "viewer"
    if not user or role not in ROLES:
        raise click.BadParameter(
            f"{text!r} is not USER=ROLE with one of {', '.join(ROLES)}", param_hint="--user"
        )
    return {"user": user, "role": role}
