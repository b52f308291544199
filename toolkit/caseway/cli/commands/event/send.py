"""`caseway event send`: deliver a CloudEvent."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session
from caseway.model.errors import CasewayError


@click.command("send")
@click.argument("given", metavar="[JSON|@FILE|-]", required=False)
@click.option("--type", "kind", metavar="TYPE", default="", help="The event's type.")
@click.option("--source", metavar="URI", default="", help="Where it comes from (default: urn:caseway:cli).")
@click.option("--id", "event_id", metavar="ID", default="", help="The same id and source is one event.")
@click.option("--subject", metavar="TEXT", default="", help="What it is about.")
@click.option("--data", metavar="JSON|@FILE|-", help="What it says.")
@session_options()
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session, given: str | None, kind: str, source: str, event_id: str, subject: str, data: str | None
) -> None:
    """Send a CloudEvent, whole as JSON or from its parts.

    It wakes the executions that may wait for it and starts those whose event trigger it fits; a worker
    ('caseway serve worker') runs them.
    """
    import secrets

    from caseway.cli.values import json_from

    event = json_from(given)
    if event is not None and not isinstance(event, dict):
        raise CasewayError("an event is a JSON object", code="event")
    parts = {"type": kind, "source": source, "id": event_id, "subject": subject}
    whole = {
        "source": "urn:caseway:cli",
        "id": secrets.token_hex(12),
        **(event or {}),
        **{name: text for name, text in parts.items() if text},
    }
    if data is not None:
        whole["data"] = json_from(data)
    with session.client() as client:
        done = client.call("events.send", event=whole)
    if session.is_json:
        print_json(done)
        return
    say(clean(f"event {whole['id']}" + ("" if done["isNew"] else " was known already")))
    for execution_id in done["woken"]:
        say(f"  woke     {clean(execution_id)}")
    for execution_id in done["started"]:
        say(f"  started  {clean(execution_id)}")
