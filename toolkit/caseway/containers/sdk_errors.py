"""Turns what the engine's library raises into our errors.

Rule: it happens once, here; what is not known keeps the engine's own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import docker.errors
import requests.exceptions

from caseway.containers.errors import ContainerFailed, ContainerLost, image_missing, lost
from caseway.model.errors import CasewayError

_DETAIL = 1000


@contextmanager
def engine_errors(place: str) -> Iterator[None]:
    """Raise what the engine's library raises as one of these; `place` is what was worked on."""
    try:
        yield
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
        raise of(error, place) from error


def of(error: Exception, place: str) -> CasewayError:
    """The error in our words."""
    if isinstance(error, docker.errors.ImageNotFound):
        return image_missing(place)
    if isinstance(error, docker.errors.NotFound):
        return _not_found(_text(error), place)
    if isinstance(error, docker.errors.APIError):
        return _refused(_text(error), place)
    return ContainerLost(
        f"the container engine does not answer: {_text(error)}",
        code="engine-unreachable",
        place=place,
        hint="is dockerd running, and may this user speak to it? DOCKER_HOST says where it is",
    )


def _not_found(text: str, place: str) -> CasewayError:
    if "No such image" in text:
        return image_missing(place)
    return lost(place, text)


# What the engine says, what we call it, and what to do about it.
_REFUSALS = (
    (
        "could not select device driver",
        "gpu-unavailable",
        "this engine has no GPU driver: ask for gpu 0, or run where there is one",
    ),
    (
        "no space left on device",
        "engine-disk-full",
        "make room where the engine keeps its images and containers",
    ),
    (
        "is not in the image, or not executable",
        "runner-broken",
        "build the runtime anew with 'caseway runtime rebuild'",
    ),
    (
        "no such host",
        "image-missing",
        "the registry cannot be reached: build the image here or pull it first",
    ),
    ("pull access denied", "image-missing", "log in to the registry, or check the image's name"),
    ("manifest unknown", "image-missing", "check the image's tag"),
)


def _refused(text: str, place: str) -> CasewayError:
    if "executable file not found" in text or "no such file or directory: unknown" in text:
        text = f"what it should start is not in the image, or not executable: {text}"
    for words, code, hint in _REFUSALS:
        if words in text:
            return ContainerFailed(f"the container engine refused: {text}", code=code, place=place, hint=hint)
    return ContainerFailed(
        f"the container engine refused: {text}",
        code="container-refused",
        place=place,
        hint="see the resources and the runtime of the use case",
    )


def _text(error: Exception) -> str:
    explanation = getattr(error, "explanation", None)
    return str(explanation or error)[:_DETAIL]
