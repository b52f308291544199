"""Asks the engine that the surroundings name what a plan must know of it; see `caseway.model.engine_facts`.

Rule: a plan waits for no engine: one that is slow to answer does not answer."""

from __future__ import annotations

import os

from caseway.model.engine_facts import EngineFacts, EngineKind

_SECONDS = 10


def ask_engine(images: frozenset[str]) -> EngineFacts:
    """What runs the containers of this platform: the engine of DOCKER_HOST, or with CASEWAY_EXECUTOR the
    cluster, whose nodes nobody here may see."""
    if os.environ.get("CASEWAY_EXECUTOR") == "kubernetes":
        return _cluster(images)
    return _engine(images)


def _engine(images: frozenset[str]) -> EngineFacts:
    from caseway.containers.engine import Engine, address_from
    from caseway.containers.facts import docker_facts

    engine = Engine(address_from(os.environ), seconds=_SECONDS)
    try:
        return docker_facts(engine, images)
    finally:
        engine.close()


def _cluster(images: frozenset[str]) -> EngineFacts:
    from caseway.containers.kubernetes.settings import settings_from

    if not settings_from(os.environ).registry:
        why = "name a registry in CASEWAY_KUBERNETES_REGISTRY, or a ready image in the runtime's spec.image"
        return EngineFacts(EngineKind.KUBERNETES, "the cluster", refuses_builds=why, bounds_disk=True)
    builds = _engine(images)
    return EngineFacts(
        EngineKind.KUBERNETES, builds.place, builds.problem, bounds_disk=True, images=builds.images
    )
