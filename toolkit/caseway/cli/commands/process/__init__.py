"""`caseway process`: processes, their versions, promotion."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.process."

TABLE = {
    "list": (_C + "list", "List processes"),
    "get": (_C + "get", "Show a process and its versions"),
    "diff": (_C + "diff", "Compare two versions"),
    "publish": (_C + "ledger:publish", "Make a version the published one"),
    "deprecate": (_C + "ledger:deprecate", "Withdraw a published version"),
    "promote": (_C + "promote", "Bring a version to a stage"),
    "clone": (_C + "clone", "Copy a process under a new name"),
    "verify": (_C + "verify", "Check templates against their digests"),
    "gc": (_C + "gc", "Forget versions that nothing uses"),
    "delete": (_C + "delete", "Delete a process without instances"),
}


@click.group("process", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Look at processes and their versions, publish and promote them."""
