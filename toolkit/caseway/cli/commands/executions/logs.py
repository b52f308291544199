"""`caseway executions logs ID`."""

from __future__ import annotations

import json

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, paint, painted_status, print_json, say
from caseway.cli.session import Session


@click.command("logs")
@click.argument("execution_id", metavar="ID")
@click.option("--outputs", is_flag=True, help="Each task's output too.")
@click.option("--inputs", is_flag=True, help="Each task's input too.")
@click.option("--lines", is_flag=True, help="What the tasks' processes wrote, and nothing else.")
@session_options()
@with_session
def command(session: Session, execution_id: str, outputs: bool, inputs: bool, lines: bool) -> None:
    """Show what the tasks of execution ID did, in order of time: start, end, attempts, errors, inputs and
    outputs; or, with --lines, what their processes wrote."""
    if lines:
        _show_lines(session, execution_id)
        return
    with session.client() as client:
        rows = client.call("executions.get", id=execution_id)["tasks"]
    if session.is_json:
        print_json({"id": execution_id, "tasks": rows})
        return
    for row in sorted(rows, key=lambda item: item["startedAt"] or ""):
        error = row.get("error") or {}
        what = (
            f" {error.get('status')} {error.get('title') or error.get('type')}: {error.get('detail', '')}"
            if error
            else ""
        )
        time = paint(clean(row["startedAt"]), "bright_black")
        say(f"{time} {painted_status(row['status'], 9)} {clean(row['reference'])}{clean(what)}")
        for name, mark in [*[("input", "< ")] * inputs, *[("output", "> " if inputs else "")] * outputs]:
            if row.get(name) is not None:
                say(f"    {mark}" + clean(json.dumps(row[name], ensure_ascii=False, default=str))[:2000])


def _show_lines(session: Session, execution_id: str) -> None:
    from caseway.operations.client import every

    with session.client() as client:
        found = every(client, "logs.list", id=execution_id)
    if session.is_json:
        print_json({"id": execution_id, "lines": found})
        return
    for line in found:
        mark = {"stderr": paint("!", "yellow"), "log": paint("#", "bright_black")}.get(line["stream"], " ")
        time = paint(clean(line["at"]), "bright_black")
        say(f"{time} {mark} {clean(line['position'])}  {clean(line['text'])}")
