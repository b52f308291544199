"""The commands that list all of one kind of thing: what differs is said in a row.

Rule: JSON gives every field that the platform tells, the table those with a heading."""

from __future__ import annotations

from collections.abc import Mapping

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table
from caseway.cli.session import Session


def listing(
    operation: str, member: str, headings: Mapping[str, str], *, empty: str, about: str
) -> click.Command:
    """A command `list` that asks for all pages of `operation`. Its JSON has them as `member`; its table has a
    column for each field of `headings`, or says `empty`."""

    @click.command("list", help=about)
    @session_options()
    @with_session
    def command(session: Session) -> None:
        from caseway.operations.client import every

        with session.client() as client:
            found = every(client, operation)
        if session.is_json:
            print_json({member: found})
        else:
            print_table(found, headings, empty=empty)

    return command
