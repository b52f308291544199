"""What a Docker engine says of itself for a plan: what its machine has, and where images are.

Rule: nothing is pulled and nothing is changed; what does not answer is told, never raised."""

from __future__ import annotations

from collections.abc import Iterable

import docker.errors

from caseway.containers.base import BASE_TAG, DEFAULT_TAG
from caseway.containers.engine import Engine
from caseway.containers.images import find_image, is_made_here
from caseway.containers.sdk_errors import engine_errors
from caseway.model.engine_facts import EngineFacts, EngineKind, ImageFact, Presence
from caseway.model.errors import CasewayError

_OF_A_COMMAND = frozenset({BASE_TAG, DEFAULT_TAG})
_DETAIL = 300


def docker_facts(engine: Engine, images: Iterable[str]) -> EngineFacts:
    """What the engine's machine has, and where these images are."""
    place = engine.address.url
    try:
        capacity = engine.capacity()
        found = {name: where_is(engine, name) for name in sorted(images)}
    except CasewayError as error:
        why = error.message.removeprefix("the container engine does not answer: ")
        return EngineFacts(EngineKind.DOCKER, place, problem=why[:_DETAIL])
    return EngineFacts(
        kind=EngineKind.DOCKER,
        place=place,
        cpus=float(capacity.cpus),
        memory_bytes=capacity.memory_bytes,
        has_gpus=capacity.has_gpus,
        images=found,
    )


def where_is(engine: Engine, name: str) -> ImageFact:
    """Where an image is: on the engine, else what the registry of its name says. Raises `ContainerLost` when
    the engine goes away."""
    if find_image(engine, name) is not None:
        return ImageFact(Presence.HERE)
    if name in _OF_A_COMMAND:
        return ImageFact(Presence.NOWHERE, "the engine does not have it: make it with 'caseway runtime base'")
    if is_made_here(name):
        return ImageFact(Presence.NOWHERE, "the engine does not have it any more")
    with engine_errors(name):
        try:
            engine.client.api.inspect_distribution(name)  # type: ignore[no-untyped-call]  # the stubs lack it
        except docker.errors.NotFound as error:
            return ImageFact(Presence.NOWHERE, f"neither the engine nor its registry has it: {_said(error)}")
        except docker.errors.APIError as error:
            return ImageFact(
                Presence.UNKNOWN,
                f"the engine does not have it, and its registry did not tell: {_said(error)}",
            )
    return ImageFact(Presence.TO_PULL)


def _said(error: docker.errors.APIError) -> str:
    return str(error.explanation or error)[:_DETAIL]
