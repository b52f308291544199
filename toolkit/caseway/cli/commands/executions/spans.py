"""`caseway executions spans ID`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, paint, print_json, say
from caseway.cli.session import Session

_COLOURS = {"ok": "green", "error": "red"}


@click.command("spans")
@click.argument("execution_id", metavar="ID")
@session_options()
@with_session
def command(session: Session, execution_id: str) -> None:
    """Show the span tree of execution ID with its times. It is there once the execution has ended, and stays
    when its inputs, outputs and journal have gone."""
    from caseway.operations.client import every

    with session.client() as client:
        spans = every(client, "spans.list", id=execution_id)
    if session.is_json:
        print_json({"id": execution_id, "spans": spans})
        return
    if not spans:
        say("no spans: the execution has not ended, or they have expired", err=True)
    for span, depth in _tree(spans):
        mark = paint("●", _COLOURS.get(span["status"], "bright_black"))
        error = span["attributes"].get("error.type", "")
        took = f"{_seconds(span):.3f} s"
        say(f"{'  ' * depth}{mark} {clean(span['name'])}  {took}  {clean(str(error))}".rstrip())


def _tree(spans: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], int]]:
    children: dict[str, list[dict[str, Any]]] = {}
    for span in spans:
        children.setdefault(span["parentId"], []).append(span)
    pending = [(span, 0) for span in reversed(children.get("", []))]
    while pending:
        span, depth = pending.pop()
        yield span, depth
        pending += [(child, depth + 1) for child in reversed(children.get(span["spanId"], []))]


def _seconds(span: Mapping[str, Any]) -> float:
    ended, started = (datetime.fromisoformat(span[name]) for name in ("endedAt", "startedAt"))
    return (ended - started).total_seconds()
