"""What goes wrong with containers, in the words of the user: each with a stable code and the next step.

Rule: nothing heavy is imported here: every worker knows these errors, most never meet an engine."""

from __future__ import annotations

from caseway.model.errors import CasewayError


class ContainerLost(CasewayError):
    """The container went away before the execution ended, for no fault of the workflow: it may resume
    elsewhere. Codes: `engine-unreachable`, `container-lost`."""


class ContainerFailed(CasewayError):
    """The container cannot do what was asked, and would not next time. Codes: `image-missing`,
    `out-of-memory`, `out-of-time`, `out-of-disk`, `gpu-unavailable`, `runner-broken`, `bad-message`,
    `container-refused`, `engine-disk-full`, `no-such-engine`, `image-not-allowed`."""


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
