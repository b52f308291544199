"""`caseway runtime layer FOLDER`: the runner as files, for images that are built elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, say
from caseway.cli.session import Session


@click.command("layer")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--python", default="", metavar="X.Y", help="The image's Python; default: that of this machine."
)
@session_options(project=False)
@with_session
def command(session: Session, folder: Path, python: str) -> int:
    """Write the runner and what it needs into FOLDER, to be copied to /opt/caseway/runner of an image."""
    from caseway.containers.layer import digest_of, files_for, python_named

    files = files_for(python_named(python))
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    size = sum(len(data) for data in files.values())
    if session.is_json:
        print_json({"folder": str(folder), "files": len(files), "size": size, "digest": digest_of(files)})
    else:
        say(f"{len(files)} files, {size // 1_000_000} MB in {folder}")
    return 0
