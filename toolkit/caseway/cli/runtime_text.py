"""Runtimes and their builds as JSON and as rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from caseway.platform.runtimes import BuildView, RuntimeView


def runtime_facts(view: RuntimeView) -> dict[str, Any]:
    """A runtime with the build that executions use."""
    build = view.build
    return {
        "name": view.name,
        "project": view.project,
        "digest": view.digest,
        "status": view.status,
        "version": build.version if build is not None else None,
        "image": build.image if build is not None else "",
        "imageId": build.image_id if build is not None else "",
        "size": build.size if build is not None else None,
        "endedAt": build.ended_at if build is not None else "",
    }


def build_facts(build: BuildView) -> dict[str, Any]:
    """One build."""
    return {
        "version": build.version,
        "status": build.status,
        "image": build.image,
        "imageId": build.image_id,
        "size": build.size,
        "digest": build.digest,
        "error": build.error,
        "log": build.log,
        "actor": build.actor,
        "startedAt": build.started_at,
        "endedAt": build.ended_at,
    }
