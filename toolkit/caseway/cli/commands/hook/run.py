"""`caseway hook run pre-receive|post-receive`: called by git."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json
from caseway.cli.session import Session

if TYPE_CHECKING:
    from caseway.operations.client import Client


@click.command("run")
@click.argument("hook", type=click.Choice(("pre-receive", "post-receive")))
@click.option("--prune", is_flag=True, help="What is no longer declared goes, as the project says.")
@session_options()
@with_session
def command(session: Session, hook: str, prune: bool) -> int:
    """What the hooks of a bare repository call: refs of a push come on standard input, as git writes them.

    pre-receive judges and exits 1 to refuse; post-receive deploys.
    """
    from caseway.delivery.hook import Hook, deploy, judge, read_updates

    is_judging = hook == "pre-receive"
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if session.is_text:
            click.echo(clean(line))

    def connect(folder: Path, organization: str) -> AbstractContextManager[Client]:
        if is_judging:  # judging alone must not make a database
            return session.planner(folder, organization)
        return session.client(folder, organization, create=True)

    updates = read_updates(sys.stdin)
    work = Hook(session.project_root(), connect, say, prune)
    is_fine = judge(work, updates) if is_judging else deploy(work, updates)
    if session.is_json:
        print_json({"ok": is_fine, "said": said})
    return 0 if is_fine else 1
