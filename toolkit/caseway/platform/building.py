"""What this room asks of whoever builds images. No effects here; the engine lives elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from caseway.model.errors import CasewayError


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """A runtime to build: its body as the plan carries it. `is_fresh` builds even what is there."""

    organization: str
    name: str
    body: Mapping[str, Any]
    is_fresh: bool = False


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """The image of a runtime: its name, its id (a digest), its size in bytes, the digest of its inputs."""

    image: str
    image_id: str
    size: int
    inputs: str


class Builder(Protocol):
    """Builds images, telling `log` each line. Raises `CasewayError`."""

    def __call__(self, request: BuildRequest, log: Callable[[str], None], /) -> BuiltImage: ...


def no_image_known(_name: str, /) -> str:
    """The id of an image, for a platform without a container engine: nobody can say."""
    return ""


def unheard(_line: str, /) -> None:
    """Nobody listens to what a builder says."""


def nobody_builds(request: BuildRequest, _log: Callable[[str], None], /) -> BuiltImage:
    """The builder of a platform without a container engine."""
    raise CasewayError(
        f"the image of runtime {request.name} cannot be built: this platform has no container engine",
        code="no-engine",
        place=request.name,
        hint="run where a Docker engine is, and say where in DOCKER_HOST",
    )
