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
    """`Worker.place` of a worker that has a container engine. Images are called by their ids, which only the
    engine that built them knows, or by their names (`by_name`), which a registry knows too."""

    def __init__(self, platform: Platform, *, by_name: bool = False) -> None:
        self._platform, self._by_name = platform, by_name
        self._known: OrderedDict[str, Place | None] = OrderedDict()

    def __call__(self, held: Claim, /) -> Place | None:
        """Where the execution belongs; None is the worker's own process."""
        known = held.deployment_id
        if known not in self._known:
            found = placement_of(self._platform, held)
            self._known[known] = (
                None if found is None else place_from(found[0], held.organization, self._called(found[1]))
            )
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return self._known[known]

    def wanted(self) -> list[Place]:
        """The places of which containers are kept ready."""
        found = kept_warm(self._platform)
        return [place_from(id_, owner, self._called(container)) for id_, owner, container in found]

    def _called(self, container: Mapping[str, Any]) -> Mapping[str, Any]:
        # The default runtime is each engine's own: that of this one need not have the id that was recorded.
        is_own = not container.get("runtimeVersion", 1)
        return {**container, "imageId": ""} if self._by_name or is_own else container


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
