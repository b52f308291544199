"""What goes wrong with containers, in the words of the user: each with a stable code and the next step.

Rule: errors of the engine's library are turned into these once, here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import docker.errors
import requests.exceptions

from caseway.model.errors import CasewayError

_DETAIL = 1000


class ContainerLost(CasewayError):
    """The container went away before the execution ended, for no fault of the workflow: it may resume
    elsewhere. Codes: `engine-unreachable`, `container-lost`."""


class ContainerFailed(CasewayError):
    """The container cannot do what was asked, and would not next time. Codes: `image-missing`,
    `out-of-memory`, `out-of-time`, `gpu-unavailable`, `runner-broken`, `bad-message`, `container-refused`,
    `engine-disk-full`, `no-such-engine`, `image-not-allowed`."""


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


def image_missing(image: str) -> ContainerFailed:
    """There is no such image, here or where it could be pulled from."""
    return ContainerFailed(
        f"there is no image {image}",
        code="image-missing",
        place=image,
        hint="build it with 'caseway runtime build', make the base image with 'caseway runtime base', or "
        "pull it",
    )


def out_of_memory(place: str, memory_bytes: int) -> ContainerFailed:
    """The kernel ended the container because it used more memory than its limit."""
    return ContainerFailed(
        f"the container used more than its {memory_bytes // 1_000_000} MB of memory",
        code="out-of-memory",
        place=place,
        hint="raise resources.memory, or let the workflow hold less at a time",
    )


def overdue(place: str, seconds: float) -> ContainerFailed:
    """The runner did not end an execution that was out of time."""
    return ContainerFailed(
        f"ran longer than {seconds:g} s, and the runner did not end it",
        code="out-of-time",
        place=place,
        hint="raise limits.timeout; something in the container may have stopped the runner",
    )


def lost(place: str, detail: str) -> ContainerLost:
    """The container is gone."""
    return ContainerLost(
        f"the container went away: {detail}",
        code="container-lost",
        place=place,
        hint="the execution goes on from its journal in another container",
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
