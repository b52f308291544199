"""`caseway runtime`: the images that workflows run in."""

from __future__ import annotations

import click

from caseway.cli.lazy import LazyGroup

_C = "caseway.cli.commands.runtime."

TABLE = {
    "base": (_C + "base", "Make the default runtime's image (once a machine)"),
    "list": (_C + "list", "List the project's runtimes and how fresh their images are"),
    "get": (_C + "get", "Show one runtime and the builds of its image"),
    "build": (_C + "build", "Build a runtime's image, unless it is there"),
    "rebuild": (_C + "rebuild", "Build a runtime's image anew, as a new version"),
    "rm": (_C + "rm", "Remove a runtime's images and records"),
    "layer": (_C + "layer", "Write the runner as files, for an image built elsewhere"),
    "gc": (_C + "gc", "Remove images, containers and volumes that nobody uses"),
}


@click.group("runtime", cls=LazyGroup, table=TABLE)
def command() -> None:
    """Build and keep the images that workflows run in.

    They live on the engine that DOCKER_HOST names.
    """
