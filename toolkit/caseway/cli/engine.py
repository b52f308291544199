"""Opens the container engine that the surroundings name: DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH.

Rule: nothing is connected, nor the engine's library loaded, before the first call, so that commands without
containers never need one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from caseway.containers.engine import Engine
    from caseway.platform.building import BuildRequest, BuiltImage


def the_engine() -> Engine:
    """The engine, not connected yet."""
    from caseway.containers.engine import Engine, address_from

    return Engine(address_from(os.environ))


@contextmanager
def open_engine() -> Iterator[Engine]:
    """The engine, closed afterwards."""
    engine = the_engine()
    try:
        yield engine
    finally:
        engine.close()


def build_image(request: BuildRequest, log: Callable[[str], None]) -> BuiltImage:
    """The platform's builder: the engine builds what the plan carries."""
    from caseway.cli.runtime_images import spec_of
    from caseway.containers.builds import build_runtime
    from caseway.platform.building import BuiltImage

    spec = spec_of(request.name, request.organization, request.body)
    with open_engine() as engine:
        built = build_runtime(engine, spec, log, is_fresh=request.is_fresh)
    return BuiltImage(built.image, built.image_id, built.size, built.inputs)
