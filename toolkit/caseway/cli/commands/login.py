"""`caseway login`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("login")
@click.option("--user", "name", metavar="NAME", help="Who signs in; asked for without it.")
@click.option("--end", is_flag=True, help="Sign out: the kept token ends and is forgotten.")
@session_options()
@with_session
def command(session: Session, name: str | None, end: bool) -> None:
    """Sign in to the server of CASEWAY_SERVER with a name and a password. The token is kept for you alone,
    under ~/.config/caseway, and used as long as CASEWAY_TOKEN is not set; it is good for twelve hours.
    """
    from caseway.cli.asked import asked
    from caseway.cli.kept_tokens import forget, keep
    from caseway.model.errors import CasewayError
    from caseway.operations.remote_client import RemoteClient

    server = session.settings.server
    if not server:
        raise CasewayError(
            "there is no server to sign in to",
            code="no-server",
            hint="set CASEWAY_SERVER; the platform of a project's own folder needs no sign-in",
        )
    if end:
        with session.client() as client:
            client.call("sessions.end")
        forget(server)
        if session.is_json:
            print_json({"server": server, "signedIn": False})
        else:
            say(f"signed out of {clean(server)}")
        return
    name = name or str(click.prompt("name", err=True))
    password = asked("password")
    with RemoteClient(server, "") as client:
        made = client.call(
            "sessions.create", name=name, password=password, organization=session.settings.organization
        )
    file = keep(server, made["secret"], made["expiresAt"])
    if session.is_json:
        print_json({"server": server, "signedIn": True, "user": name, "expiresAt": made["expiresAt"]})
    else:
        say(f"signed in to {clean(server)} as {clean(name)} until {clean(made['expiresAt'])}; kept in {file}")
