"""`caseway executions`: look at executions and steer them."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.executions."

TABLE = {
    "list": (_C + "list", "List executions, newest first"),
    "get": (_C + "get", "Show one with its task tree and output"),
    "logs": (_C + "logs", "Show what its tasks did, in order"),
    "spans": (_C + "spans", "Show its span tree, kept as telemetry"),
    "suspend": (_C + "suspend", "Halt one until it is resumed"),
    "cancel": (_C + "cancel", "Stop one"),
    "rerun": (_C + "rerun", "Run one again: from a task, with pinned outputs, in part"),
    "approvals": (_C + "approvals", "List what waits for a decision"),
    "artifacts": (_C + "artifacts", "List its large values, or print one"),
    "decide": (_C + "decide", "Approve or reject what one asks"),
    "retry": (_C + "retry", "Start a new one with the same input"),
    "resume": (_C + "resume", "Go on with one that was interrupted"),
}


@click.group("executions", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Look at executions and steer them."""
