"""`caseway credential set NAME`."""

from __future__ import annotations

import sys
from typing import Any

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session
from caseway.model.credential_types import TYPES as BUILT_IN
from caseway.operations.client import Client, every

SCOPES = ("organization", "user", "instance", "member", "system")
SOURCES = ("store", "environment", "file", "command")
ASKED = {"bearer": ("token",), "apiKey": ("key",), "basic": ("username", "password"), "databaseUrl": ("url",)}


@click.command("set")
@click.argument("name")
@click.option(
    "--type",
    "kind",
    metavar="TYPE",
    default="custom",
    show_default=True,
    help="What it is: custom, apiKey, basic, bearer, oauth2, oauth2ClientCredentials, "
    "oauth2AuthorizationCode, databaseUrl, smtp, aws, or a type of the project's own.",
)
@click.option("--value", metavar="JSON|@FILE|-", help="The secret as a JSON object; - reads stdin.")
@click.option("--field", "fields", metavar="NAME=VALUE|@FILE", multiple=True, help="One field of it.")
@click.option(
    "--scope", type=click.Choice(SCOPES), default="organization", show_default=True, help="Whose it is."
)
@click.option("--owner", default="", metavar="NAME", help="The user or instance of a scope that has one.")
@click.option("--expires", metavar="DURATION", help="How long it is good, such as 90d.")
@click.option("--test-url", default="", metavar="URL", help="Where `credential test` tries it out.")
@click.option(
    "--source", type=click.Choice(SOURCES), default="store", show_default=True, help="Where it is had from."
)
@click.option("--reference", default="", metavar="NAME", help="The variable, file or command of --source.")
@session_options()
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session,
    name: str,
    kind: str,
    value: str | None,
    fields: tuple[str, ...],
    scope: str,
    owner: str,
    expires: str | None,
    test_url: str,
    source: str,
    reference: str,
) -> None:
    """Store the secret NAME. Without --value or --field it is asked for on the terminal, unseen, or read
    from stdin; what stands on a command line can be seen by other users of the machine.

    Instances that waited for it become active.
    """
    from datetime import UTC, datetime, timedelta

    from caseway.worker.quantities import seconds

    if (source != "store") != bool(reference):
        raise click.UsageError("--source and --reference go together")
    until = datetime.now(UTC) + timedelta(seconds=seconds(expires)) if expires else None
    with session.client() as client:
        secret = _secret(_fields_of(client, kind), kind, value, fields) if source == "store" else {}
        told = client.call(
            "credentials.set",
            name=name,
            value=secret,
            scope=scope,
            owner=owner,
            type=kind,
            metadata={"testUrl": test_url} if test_url else None,
            expires_at=until.isoformat() if until else None,
            source=source,
            reference=reference,
        )
    if session.is_json:
        print_json(told)
        return
    say(f"stored {clean(name)}")
    for instance in told["healed"]:
        say(f"  {clean(instance)} has what it needs now")


def _fields_of(client: Client, kind: str) -> tuple[str, ...]:
    """What is asked for on the terminal: of a project's own type all text that it cannot be without."""
    if kind in BUILT_IN:
        return ASKED.get(kind, ())
    for known in every(client, "credentials.types"):
        if known["name"] == kind:
            asked = [item["name"] for item in known["fields"] if item["required"] and item["kind"] == "text"]
            return tuple(asked)
    return ()


def _secret(names: tuple[str, ...], kind: str, value: str | None, fields: tuple[str, ...]) -> dict[str, Any]:
    from caseway.cli.values import json_from, pairs_from

    if fields:
        return pairs_from(fields, "--field")
    if value is None and not sys.stdin.isatty():
        value = "-"
    if value is not None:
        given = _json_or_single(value, names, json_from)
        if not isinstance(given, dict):
            raise click.BadParameter("the value must be a JSON object", param_hint="--value")
        return given
    return {
        field: click.prompt(f"{field} of the {kind} credential", hide_input=True, err=True)
        for field in names or ("value",)
    }


def _json_or_single(value: str, names: tuple[str, ...], json_from: Any) -> Any:
    """A JSON object, or for types of one field that field's text alone (`echo $TOKEN | caseway …`)."""
    from caseway.cli.values import text_from

    if len(names) != 1:
        return json_from(value, "--value")
    text = text_from(value, "--value").strip()
    return json_from(text, "--value") if text.startswith("{") else {names[0]: text}
