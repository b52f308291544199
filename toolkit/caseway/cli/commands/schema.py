"""`caseway schema [KIND]`: the JSON Schemas, for editors and for reading."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, say
from caseway.cli.session import Session


def _kinds(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    from caseway.repo.schema import FILES

    return [name for name in FILES.values() if name.startswith(begun.lower())]


@click.command("schema")
@click.argument("kind", required=False, shell_complete=_kinds)
@session_options(project=False)
@with_session
def command(session: Session, kind: str | None) -> None:
    """Print the JSON Schema of KIND (use-case, UseCase and usecase are all the same), or list the kinds.

    Give the schema's $id to an editor with a first line such as
    "# yaml-language-server: $schema=FILE".
    """
    from caseway.repo.schema import KINDS, schema

    if kind is not None:
        print_json(schema(kind))
        return
    rows = [
        {"kind": name, "id": schema(name).get("$id"), "title": schema(name).get("title")} for name in KINDS
    ]
    if session.is_json:
        print_json({"schemas": rows})
        return
    for row in rows:
        say(f"{row['kind']:<14}{row['title'] or ''}")
