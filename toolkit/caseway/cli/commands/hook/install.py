"""`caseway hook install [FOLDER]`."""

from __future__ import annotations

from pathlib import Path

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, say
from caseway.cli.session import Session


@click.command("install")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--judge/--no-judge", default=True, help="Refuse bad pushes to protected stages; default: do.")
@click.option("--prune", is_flag=True, help="What is no longer declared goes, as the project says.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the token for CASEWAY_SERVER, read on each push.",
)
@click.option("--force", is_flag=True, help="Replace hooks that somebody else wrote.")
@session_options()
@with_session
def command(
    session: Session, folder: Path | None, judge: bool, prune: bool, token_file: Path | None, force: bool
) -> None:
    """Write a post-receive hook into the bare repository FOLDER (default: here), so that a push deploys, and
    a pre-receive hook, so that a bad push to a protected stage is refused.

    Who pushes sees mistakes and progress as `remote:` lines. The platform is the server of CASEWAY_SERVER,
    else the database of --database-url, else one in the repository's own folder.
    """
    import sys

    from caseway.delivery.hook_install import HookSettings, install

    settings = session.settings
    told = {"CASEWAY_SERVER": settings.server, "CASEWAY_DATABASE_URL": settings.database_url}
    made = HookSettings(
        program=(sys.executable, "-m", "caseway"),
        environment={name: value for name, value in told.items() if value},
        token_file=str(token_file.resolve()) if token_file else "",
        prunes=prune,
    )
    repository = (session.start / folder if folder else session.start).resolve()
    files = install(repository, made, judges=judge, is_forced=force)
    if session.is_json:
        print_json({"written": [str(file) for file in files]})
        return
    for file in files:
        say(f"written: {file}")
