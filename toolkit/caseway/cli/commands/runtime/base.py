"""`caseway runtime base`: the one command that makes a machine ready for containers."""

from __future__ import annotations

from pathlib import Path

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, say
from caseway.cli.session import Session
from caseway.containers.base import DEFAULT_TAG, BaseRequest


@click.command("base")
@click.option("--image", default="", metavar="IMAGE", help="Stand on this image, best named by its digest.")
@click.option(
    "--mirror",
    default="",
    metavar="URL",
    help="Where Debian's packages come from; default: as mmdebstrap has it.",
)
@click.option(
    "--archive",
    type=click.Path(path_type=Path),
    help="Keep the Debian made here in this file, and take it from there when it exists.",
)
@click.option("--tag", default=DEFAULT_TAG, show_default=True, help="What the image is called.")
@click.option("--fresh", is_flag=True, help="Make the Debian anew, even when it is there.")
@session_options(project=False)
@with_session
def command(session: Session, image: str, mirror: str, archive: Path | None, tag: str, fresh: bool) -> int:
    """Make the image of the default runtime on the container engine.

    Without --image it stands on a minimal Debian with Python, made here by mmdebstrap (half a minute);
    with one, on that image, which must have Python 3.11 or newer.
    """
    from caseway.cli.engine import open_engine
    from caseway.containers.base import make_default

    with open_engine() as engine:
        made = make_default(
            engine,
            BaseRequest(image, mirror, archive, tag, fresh),
            lambda line: say(line, err=True),
        )
    if session.is_json:
        print_json({"image": tag, "id": made.id, "size": made.size})
    else:
        say(f"{tag} is ready: {made.id[:19]}, {made.size // 1_000_000} MB")
    return 0
