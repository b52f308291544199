"""`caseway credential authorize NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


@click.command("authorize")
@click.argument("name")
@click.option("--scope", default="organization", show_default=True, help="Whose it is.")
@click.option("--owner", default="", metavar="NAME", help="The user or instance of a scope that has one.")
@click.option("--port", default=0, metavar="NUMBER", help="Where the browser comes back; 0 takes a free one.")
@session_options()
@with_session
def command(session: Session, name: str, scope: str, owner: str, port: int) -> None:
    """Ask for the consent that the secret NAME (of type oauth2AuthorizationCode) needs: open the printed
    address in a browser on this machine."""
    from caseway.cli.browser import Return

    with session.client() as client, Return(port) as back:
        home = {"scope": scope, "owner": owner}
        asked = client.call("credentials.authorize", name=name, redirect=back.url, **home)
        say(f"open: {clean(asked['url'])}", err=True)
        brought = back.wait()
        told = client.call(
            "credentials.consent", name=name, state=brought["state"], code=brought["code"], **home
        )
    if session.is_json:
        print_json(told)
    else:
        say(f"{clean(name)} is authorized")
