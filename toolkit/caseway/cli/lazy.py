"""Groups that know their commands by name and one line of help, and import one only when it is called.

Rule: nothing here imports a command's module until that very command is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group made from a table `name -> (module, help)`; each module holds one `command`."""

    def __init__(self, *args: Any, table: Mapping[str, tuple[str, str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = dict(table or {})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names in the table's order, which is the order of a user's work."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """The command, imported now; None when the table does not name it."""
        entry = self.table.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry[0].partition(":")
        command: click.Command = getattr(import_module(module), attribute or "command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Click's answer, with the nearest names when there is no such command."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], self.table, n=2)
            if near and "Did you mean" not in error.message:
                hint = f" Did you mean {' or '.join(repr(name) for name in near)}?"
                raise click.UsageError(error.message + hint, ctx) from error
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - too
        """List the commands from the table alone."""
        if self.table:
            with formatter.section("Commands"):
                formatter.write_dl([(name, text) for name, (_, text) in self.table.items()])
