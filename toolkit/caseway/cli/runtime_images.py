"""Finds the runtimes of a project, and the images that they stand for, for commands without a platform."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from caseway.cli.output import say
from caseway.cli.project_folder import has_project_file
from caseway.containers.base import DEFAULT_TAG
from caseway.containers.builds import RuntimeSpec, build_runtime
from caseway.containers.engine import Engine
from caseway.model.errors import CasewayError

DEFAULT = "default"


def image_for(engine: Engine, file: Path, runtime: str) -> str:
    """The image of that runtime, built when the project declares it and it is not there yet."""
    root = next((up for up in file.resolve().parents if has_project_file(up)), None)
    declared = runtimes_of(root) if root is not None else {}
    if runtime not in declared:
        if runtime == DEFAULT:
            return DEFAULT_TAG
        raise CasewayError(
            f"there is no runtime '{runtime}' in this project", code="no-such-runtime", place=str(file)
        )
    return build_runtime(engine, declared[runtime], lambda line: say(line, err=True)).image


def runtimes_of(root: Path, organization: str = "local") -> dict[str, RuntimeSpec]:
    """The runtimes that the project at `root` declares, by name."""
    from caseway.delivery.reading import read_project
    from caseway.model.desired import Resource

    found: list[Resource] = []
    for desired in read_project(root).desired:
        found += desired.runtimes
        organization = desired.organization
    return {item.name: spec_of(item.name, organization, item.body) for item in found}


def spec_of(name: str, organization: str, body: Mapping[str, Any]) -> RuntimeSpec:
    """What is to be built, from the body that a plan carries."""
    files = {path: str(text).encode() for path, text in (body.get("files") or {}).items()}
    return RuntimeSpec(name, organization, body, files)
