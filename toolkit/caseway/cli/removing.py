"""The commands that take away one thing by its name, once somebody has said that they are sure."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session


def removing(  # noqa: PLR0913 - what to ask and to say, in words, is all that differs
    operation: str,
    member: str,
    *,
    about: str,
    question: str,
    said: str,
    verb: str = "rm",
    mark: str = "removed",
) -> click.Command:
    """A command `verb NAME` that calls `operation`. `question` and `said` have `{}` for the name; its JSON
    has the name as `member`, and `mark`."""

    @click.command(verb, help=about)
    @click.argument("name")
    @click.option("--yes", "-y", is_flag=True, help="Do not ask.")
    @session_options()
    @with_session
    def command(session: Session, name: str, yes: bool) -> None:
        from caseway.cli.confirm import confirm

        confirm(session, question.format(name), is_sure=yes)
        with session.client() as client:
            client.call(operation, name=name)
        if session.is_json:
            print_json({member: name, mark: True})
        else:
            say(said.format(clean(name)))

    return command
