"""The images of runtimes for a cluster: its nodes pull them, so they must stand in a registry.

Rule: a ready image is taken as it is, without any engine; what must be built is built by the engine of
DOCKER_HOST and pushed, and is called by its digest from then on."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from caseway.cli.runtime_images import spec_of
from caseway.containers import layer
from caseway.containers.builds import build_runtime, inputs_of
from caseway.containers.errors import ContainerLost
from caseway.containers.kubernetes.settings import settings_from
from caseway.containers.pushing import push_image
from caseway.model.errors import CasewayError
from caseway.platform.building import BuildRequest, BuiltImage

if TYPE_CHECKING:
    from caseway.containers.engine import Engine


def image_for_cluster(
    request: BuildRequest, open_engine: Callable[[], Engine], log: Callable[[str], None]
) -> BuiltImage:
    """The image of a runtime, where a cluster finds it. Raises `CasewayError` (`no-engine`, `setting`), and
    what building and pushing raise."""
    spec = spec_of(request.name, request.organization, request.body)
    ready = str(spec.body.get("image") or "")
    if ready and not any((spec.body.get("packages") or {}).values()):
        log(f"{ready} is taken as it is: it must hold the runner, and the cluster's nodes pull it")
        return BuiltImage(ready, "", 0, inputs_of(spec, "", layer.runner_digest()))
    registry = settings_from(os.environ).registry
    if not registry:
        raise CasewayError(
            f"runtime {request.name} cannot be built for a cluster: no registry is named",
            code="setting",
            place=request.name,
            hint="name one in CASEWAY_KUBERNETES_REGISTRY, or a ready image in the runtime's spec.image",
        )
    engine = open_engine()
    try:
        built = build_runtime(engine, spec, log, is_fresh=request.is_fresh)
        pushed = push_image(engine, built.image, registry, log)
    except ContainerLost as error:
        raise CasewayError(
            f"runtime {request.name} cannot be built here: {error.message}",
            code="no-engine",
            place=request.name,
            hint="name a ready image in the runtime's spec.image, or say in DOCKER_HOST which engine builds",
        ) from error
    finally:
        engine.close()
    return BuiltImage(pushed, built.image_id, built.size, built.inputs)
