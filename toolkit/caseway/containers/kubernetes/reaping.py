"""Removes Jobs that nobody wants any more: those whose maker has ended.

Rule: only what carries our labels is looked at. What another machine's process made ends by itself, as a
runner does when nobody speaks to it, and the cluster removes what has ended two minutes later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseway.containers.kubernetes.cluster import Cluster
from caseway.containers.owner import is_gone


def reap(cluster: Cluster) -> tuple[str, ...]:
    """Remove what is abandoned; its names. Raises `ContainerLost` when the cluster does not answer."""
    gone = sorted(_called(job) for job in cluster.ours() if is_abandoned(job))
    for name in gone:
        cluster.remove(name)
    return tuple(gone)


def is_abandoned(job: Mapping[str, Any]) -> bool:
    """Whether nobody will speak to its pod again. Who made it is an annotation: too long for a label."""
    labels = {str(name): str(value) for name, value in (job["metadata"].get("annotations") or {}).items()}
    return is_gone(labels)


def _called(job: Mapping[str, Any]) -> str:
    return f"{job['metadata']['namespace']}/{job['metadata']['name']}"
