"""Finds the place of a claimed execution: what its deployment's record says of containers.

Rule: a deployment's record never changes, so it is read once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from caseway.containers.job import Place
from caseway.containers.shapes import sandbox_from, warmth_from
from caseway.platform.compose import Platform
from caseway.platform.held import Claim
from caseway.platform.placement import kept_warm, placement_of

_KEPT = 512


class Places:
    """`Worker.place` of a worker that has a container engine."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._known: OrderedDict[str, Place | None] = OrderedDict()

    def __call__(self, held: Claim, /) -> Place | None:
        """Where the execution belongs; None is the worker's own process."""
        found = placement_of(self._platform, held)
        if found is None:
            return None
        deployment, container = found
        if deployment not in self._known:
            self._known[deployment] = place_from(deployment, held.organization, container)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return self._known[deployment]

    def wanted(self) -> list[Place]:
        """The places of which containers are kept ready."""
        return [place_from(*found) for found in kept_warm(self._platform)]


def place_from(deployment: str, organization: str, container: Mapping[str, Any]) -> Place:
    """The place that a deployment's record describes."""
    resources = {name: container[name] for name in _RESOURCES if container.get(name) is not None}
    image = str(container.get("imageId") or container["image"])
    return Place(
        sandbox_from(image, organization, container, resources),
        deployment,
        warmth_from(container.get("warm") or {}),
    )


_RESOURCES = ("cpu", "memory", "disk", "gpu", "gpuType")
