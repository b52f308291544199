"""`caseway runtime rm NAME`."""

from __future__ import annotations

import click

from caseway.cli.confirm import confirm
from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, say
from caseway.cli.session import Session


@click.command("rm")
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@session_options()
@with_session
def command(session: Session, name: str, yes: bool) -> int:
    """Remove the images of the runtime NAME and the records of its builds.

    Refused while an instance is deployed with it. An image that was taken as it is, is yours: it stays.
    """
    from caseway.cli.engine import open_engine
    from caseway.containers.images import is_made_here, remove_image
    from caseway.platform.runtimes import remove_builds

    confirm(session, f"remove the images of runtime {name}?", is_sure=yes)
    with session.platform() as platform, open_engine() as engine:
        builds = remove_builds(platform, session.organization(), name, actor=session.actor())
        images = sorted({build.image for build in builds if build.image})
        kept = [image for image in images if not (is_made_here(image) and remove_image(engine, image))]
    if session.is_json:
        print_json({"removed": [image for image in images if image not in kept], "kept": kept})
    else:
        say(f"{len(builds)} builds forgotten, {len(images) - len(kept)} images removed")
    return 0
