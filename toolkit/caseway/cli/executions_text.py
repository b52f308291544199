"""How executions read to people, and the keys that views may spell in two ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caseway.cli.outcome_text import duration, print_error, print_output, print_tree
from caseway.cli.output import clean, paint, painted_status, print_fields, say

COLUMNS = {
    "id": "ID",
    "instance": "INSTANCE",
    "workflow": "WORKFLOW",
    "version": "VERSION",
    "status": "STATUS",
    "trigger": "TRIGGER",
    "createdAt": "CREATED",
    "duration": "TOOK",
}


def row_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """An execution as a row of a list."""
    return {**facts, "duration": duration(facts["startedAt"], facts["endedAt"])}


def _words(event_filter: Mapping[str, Any]) -> str:
    """An event filter for people."""
    return " ".join(f"{name}={value}" for name, value in event_filter.items()) or "any event"


def print_execution(facts: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]]) -> None:
    """One execution: facts, task tree, then error or output."""
    row = row_of(facts)
    say(f"{painted_status(row['status'])}  {paint(clean(row['id']), '', bold=True)}")
    waiting = row.get("waiting")
    if waiting is not None:
        row["waitingUntil"] = waiting["until"]
        row["waitingFor"] = "; ".join(_words(one) for one in waiting["events"])
    hidden = {
        "waiting",
        "id",
        "status",
        "output",
        "error",
        "tasks",
        "templateDigest",
        "deploymentId",
        "seconds",
    }
    print_fields(
        {key: value for key, value in row.items() if key not in hidden and value not in ("", None, {}, [])}
    )
    if tasks:
        say()
        print_tree(tasks)
    if row.get("error"):
        print_error(row["error"])
    elif row["status"] == "completed":
        print_output(row.get("output"))
