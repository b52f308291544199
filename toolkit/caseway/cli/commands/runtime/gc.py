"""`caseway runtime gc`: what nobody uses any more."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, say
from caseway.cli.session import Session


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Only say which images would be removed.")
@session_options()
@with_session
def command(session: Session, dry_run: bool) -> int:
    """Remove images that no runtime stands for, and what crashed processes have left on the engine.

    The default runtime's image and its base are kept, and whatever a container uses.
    """
    from caseway.cli.engine import open_engine
    from caseway.containers.images import remove_image, unused_images
    from caseway.containers.reaper import Reaped, reap
    from caseway.platform.runtimes import images_in_use

    with session.platform() as platform, open_engine() as engine:
        unused = unused_images(engine, images_in_use(platform))
        reaped = Reaped() if dry_run else reap(engine)
        removed = [name for name in unused if dry_run or remove_image(engine, name)]
    if session.is_json:
        print_json({"images": removed, "containers": reaped.containers, "volumes": reaped.volumes})
        return 0
    for name in removed:
        say(name)
    said = "would be removed" if dry_run else "removed"
    say(f"{len(removed)} images {said}, {len(reaped.containers)} containers, {len(reaped.volumes)} volumes")
    return 0
