"""`caseway project add NAME URL`."""

from __future__ import annotations

from pathlib import Path

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json
from caseway.cli.session import Session

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command("add")
@click.argument("name")
@click.argument("url")
@click.option("--every", default="60s", show_default=True, metavar="DURATION", help="Between two looks.")
@click.option("--heal", is_flag=True, help="Repair what hands have changed.")
@click.option("--prune", is_flag=True, help="What is no longer declared goes, as the project says.")
@click.option("--token-file", type=_FILE, help="File with the token that fetches over https.")
@click.option("--key-file", type=_FILE, help="File with the ssh key that fetches.")
@click.option("--hook-secret-file", type=_FILE, help="File with the secret that signs push hooks.")
@session_options()
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session,
    name: str,
    url: str,
    every: str,
    heal: bool,
    prune: bool,
    token_file: Path | None,
    key_file: Path | None,
    hook_secret_file: Path | None,
) -> None:
    """Have the platform pull project NAME from the git repository at URL (https, ssh or file), or change how.

    A server or worker must run. Secrets are kept encrypted; those that are not given stay as they are. Let
    the forge send pushes to /hooks/push, and nobody has to wait for the next look.
    """
    from caseway.cli.pulled import print_project, seconds_in

    with session.client(create=True) as client:
        view = client.call(
            "projects.add",
            project=name,
            url=url,
            seconds=seconds_in(every),
            heals=heal,
            prunes=prune,
            token=_read(token_file),
            key=_read(key_file),
            hook_secret=_read(hook_secret_file),
        )
    if session.is_json:
        print_json(view)
    else:
        print_project(view)


def _read(file: Path | None) -> str:
    return file.read_text(encoding="utf-8").strip() if file is not None else ""
