"""Hands an image to a registry, so that other machines can pull it.

Rule: what is answered names the image by its digest there: nobody can put another one in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from caseway.containers.engine import Engine
from caseway.containers.errors import ContainerFailed
from caseway.containers.images import Log
from caseway.containers.sdk_errors import engine_errors


def push_image(engine: Engine, name: str, registry: str, log: Log) -> str:
    """Push an image of the engine's below `registry`; what it is called there, by its digest. Who may push is
    in Docker's own configuration (`DOCKER_CONFIG`). Raises `ContainerFailed` (`build-failed`)."""
    repository, _, tag = name.rpartition(":")
    there = f"{registry}/{repository}"
    log(f"pushing {there}:{tag}")
    with engine_errors(name):
        engine.client.api.tag(name, there, tag, force=True)
        try:
            digest = _digest(engine.client.api.push(there, tag=tag, stream=True, decode=True), there)
        finally:
            engine.client.api.remove_image(f"{there}:{tag}", noprune=True)
    return f"{there}@{digest}"


def _digest(told: Iterator[Mapping[str, Any]], there: str) -> str:
    """The digest that the registry gave it."""
    digest, error = "", ""
    for event in told:  # to its end: the connection is used again
        error = error or str(event.get("error") or "")
        digest = str((event.get("aux") or {}).get("Digest") or digest)
    if error or not digest:
        raise ContainerFailed(
            f"the image could not be pushed to {there}: {error or 'the registry gave it no digest'}",
            code="build-failed",
            place=there,
            hint="is CASEWAY_KUBERNETES_REGISTRY the right one, and did 'docker login' let you in there?",
        )
    return digest
