"""What the engine that runs containers says of itself when a plan is made.

Rule: plain data; what is not known is said to be unknown, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DEFAULT_RUNTIME_IMAGE = "caseway/runtime:default"


class EngineKind(StrEnum):
    """What runs containers; `unasked` when nobody was asked."""

    UNASKED = ""
    DOCKER = "docker"
    KUBERNETES = "kubernetes"


class Presence(StrEnum):
    """Where an image is: on the engine, in its registry, certainly in neither; `unknown` when that could not
    be found out."""

    HERE = "here"
    TO_PULL = "to pull"
    NOWHERE = "nowhere"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ImageFact:
    """Where an image is, and in words why it cannot be had."""

    presence: Presence
    detail: str = ""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """`place` is how people know the engine; `problem` says why it did not answer, `refuses_builds` why it
    will never build here. `cpus` and `memory_bytes` are 0 and `has_gpus` is None when unknown; `bounds_disk`
    is true where a disk is held to its size. `images` are those that were asked for."""

    kind: EngineKind = EngineKind.UNASKED
    place: str = ""
    problem: str = ""
    refuses_builds: str = ""
    cpus: float = 0.0
    memory_bytes: int = 0
    has_gpus: bool | None = None
    bounds_disk: bool = False
    images: Mapping[str, ImageFact] = field(default_factory=dict)

    def presence(self, image: str) -> Presence:
        """Where that image is."""
        found = self.images.get(image)
        return found.presence if found is not None else Presence.UNKNOWN


AskEngine = Callable[[frozenset[str]], EngineFacts]


def nobody_asked(_images: frozenset[str], /) -> EngineFacts:
    """For a platform that no engine belongs to."""
    return EngineFacts()
