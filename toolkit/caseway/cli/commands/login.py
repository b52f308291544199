"""`caseway login`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session

if TYPE_CHECKING:
    from caseway.operations.client import Client


@click.command("login")
@click.option("--user", "name", metavar="NAME", help="Who signs in; asked for without it.")
@click.option("--browser", is_flag=True, help="Sign in at the server's identity provider instead.")
@click.option("--end", is_flag=True, help="Sign out: the kept token ends and is forgotten.")
@session_options()
@with_session
def command(session: Session, name: str | None, browser: bool, end: bool) -> None:
    """Sign in to the server of CASEWAY_SERVER with a name and a password, or with --browser where
    the server's operator says. The token is kept for you alone, under ~/.config/caseway, and used as long as
    CASEWAY_TOKEN is not set; it is good for twelve hours.
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
    organization = session.settings.organization
    with RemoteClient(server, "") as client:
        if browser:
            made = _in_browser(client, organization)
        else:
            name = name or str(click.prompt("name", err=True))
            password = asked("password")
            made = client.call("sessions.create", name=name, password=password, organization=organization)
    file = keep(server, made["secret"], made["expiresAt"])
    if session.is_json:
        print_json({"server": server, "signedIn": True, "expiresAt": made["expiresAt"]})
    else:
        say(f"signed in to {clean(server)} until {clean(made['expiresAt'])}; kept in {file}")


def _in_browser(client: Client, organization: str) -> dict[str, Any]:
    from caseway.cli.browser import Return

    with Return(0) as back:
        place = client.call("sessions.begin", redirect=back.url)
        say(f"open: {clean(place['url'])}", err=True)
        brought = back.wait()
        return client.call(
            "sessions.complete", state=brought["state"], code=brought["code"], organization=organization
        )
