"""Opens the container engine that the surroundings name: DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH.

Rule: nothing is connected, nor the engine's library loaded, before the first call, so that commands without
containers never need one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from caseway.model.errors import CasewayError

if TYPE_CHECKING:
    from caseway.containers.engine import Engine
    from caseway.containers.kubernetes.cluster import Cluster
    from caseway.containers.tasks import TaskPolicy
    from caseway.platform.building import BuildRequest, BuiltImage


def the_engine() -> Engine:
    """The engine, not connected yet."""
    from caseway.containers.engine import Engine, address_from

    return Engine(address_from(os.environ))


def the_cluster() -> Cluster:
    """The Kubernetes cluster, not connected yet. Raises `CasewayError` (`extra-missing`, `setting`)."""
    try:
        from caseway.containers.kubernetes.cluster import Cluster
        from caseway.containers.kubernetes.stream import PROTOCOL as _  # noqa: F401 - whether it is there
    except ImportError as error:
        raise CasewayError(
            f"--executor kubernetes needs {error.name}, which is not installed",
            code="extra-missing",
            hint="pip install 'caseway[kubernetes]'",
        ) from error
    from caseway.containers.kubernetes.settings import settings_from

    return Cluster(settings_from(os.environ))


def cluster_for(executor: str) -> Callable[[], Cluster] | None:
    """What opens the cluster when `executor` is `kubernetes`; what is missing is said now, not later."""
    if executor != "kubernetes":
        return None
    cluster = the_cluster()
    return lambda: cluster


@contextmanager
def open_engine() -> Iterator[Engine]:
    """The engine, closed afterwards."""
    engine = the_engine()
    try:
        yield engine
    finally:
        engine.close()


def task_policy() -> TaskPolicy:
    """What `run: container` tasks may have: CASEWAY_TASK_IMAGES (globs, by commas), CASEWAY_TASK_FOLDERS
    (folders that may be mounted, read-only, by colons), CASEWAY_TASK_NETWORK (none, bridge)."""
    from caseway.containers.sandbox import Network
    from caseway.containers.tasks import TaskPolicy

    images = [part.strip() for part in os.environ.get("CASEWAY_TASK_IMAGES", "*").split(",")]
    folders = [Path(part) for part in os.environ.get("CASEWAY_TASK_FOLDERS", "").split(":") if part]
    network = os.environ.get("CASEWAY_TASK_NETWORK", "none")
    if network not in {"none", "bridge"}:
        raise CasewayError(
            f"CASEWAY_TASK_NETWORK is {network!r}", code="setting", hint="one of: none, bridge"
        )
    bridged = network == "bridge"
    return TaskPolicy(tuple(filter(None, images)), tuple(folders), Network(network), publishes=bridged)


def build_image(request: BuildRequest, log: Callable[[str], None]) -> BuiltImage:
    """The platform's builder: the engine builds what the plan carries; for a cluster it is pushed, too."""
    if os.environ.get("CASEWAY_EXECUTOR") == "kubernetes":
        from caseway.cli.cluster_images import image_for_cluster

        return image_for_cluster(request, the_engine, log)
    from caseway.cli.runtime_images import spec_of
    from caseway.containers.builds import build_runtime
    from caseway.platform.building import BuiltImage

    spec = spec_of(request.name, request.organization, request.body)
    with open_engine() as engine:
        built = build_runtime(engine, spec, log, is_fresh=request.is_fresh)
    return BuiltImage(built.image, built.image_id, built.size, built.inputs)


def image_id(name: str) -> str:
    """The id of the image that a name stands for on the engine; "" when it has none, or does not answer."""
    from caseway.containers.images import find_image

    try:
        with open_engine() as engine:
            found = find_image(engine, name)
    except CasewayError:
        return ""
    return found.id if found is not None else ""
