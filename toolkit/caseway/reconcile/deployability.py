"""Whether what is planned can run in containers: images, what they stand on, what the engine has. Pure.

Rule: what certainly fails blocks the plan; what an engine will not hold to or cannot say is a warning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from caseway.model.canonical import JsonObject
from caseway.model.engine_facts import DEFAULT_RUNTIME_IMAGE, EngineFacts, EngineKind, Presence

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE | re.MULTILINE)


def bases_of(body: JsonObject) -> tuple[str, ...]:
    """The images that a runtime is made from; those of a Dockerfile that its arguments decide are unknown."""
    ready = str(body.get("image") or body.get("baseImage") or "")
    if ready:
        return (ready,)
    files: Any = body.get("files") or {}
    found: list[str] = []
    stages: set[str] = {"scratch"}
    for image, stage in _FROM.findall(str(files.get(str(body.get("dockerfile"))) or "")):
        if image.lower() not in stages and "$" not in image:
            found.append(image)
        stages.add(stage.lower())
    return tuple(dict.fromkeys(found))


def build_problems(name: str, body: JsonObject, facts: EngineFacts) -> tuple[str, str]:
    """Why a runtime certainly cannot be built, and what may stand in the way; "" for nothing."""
    packages: Any = body.get("packages") or {}
    is_ready = bool(body.get("image")) and not any(packages.values())
    if facts.kind is EngineKind.KUBERNETES and is_ready:
        return "", ""  # the nodes pull it
    if facts.refuses_builds:
        return f"runtime '{name}' cannot be built: {facts.refuses_builds}", ""
    if facts.problem:
        return "", f"it cannot be built before the container engine ({facts.place}) answers: {facts.problem}"
    said = {Presence.NOWHERE: "", Presence.UNKNOWN: ""}
    for image in bases_of(body):
        found = facts.images.get(image)
        if found is not None and found.presence in said:
            said[found.presence] = said[found.presence] or f"image {image}: {found.detail}"
    missing, unsure = said[Presence.NOWHERE], said[Presence.UNKNOWN]
    return (f"runtime '{name}' cannot be built: {missing}" if missing else ""), unsure


def is_image_gone(image: str, facts: EngineFacts) -> bool:
    """Whether an image that was made there is certainly not on the engine any more."""
    is_known = facts.kind is EngineKind.DOCKER and not facts.problem and image in facts.images
    return bool(image) and is_known and facts.presence(image) is not Presence.HERE


def shortcomings(resources: JsonObject, facts: EngineFacts, *, is_default: bool) -> Iterator[str]:
    """What a deployment in containers asks for that the engine has not, or will not hold to: one sentence
    each. `is_default` is for the default runtime, which every engine has of its own."""
    if facts.kind is EngineKind.UNASKED:
        return
    yield from _bounds(resources, facts)
    yield from _gpus(resources, facts)
    if is_default and is_image_gone(DEFAULT_RUNTIME_IMAGE, facts):
        yield f"the engine has no image {DEFAULT_RUNTIME_IMAGE}: make it with 'caseway runtime base'"


def _bounds(resources: JsonObject, facts: EngineFacts) -> Iterator[str]:
    cpus, memory = float(str(resources.get("cpu", 0.5))), _bytes(resources.get("memory", "1GB"))
    disk = _bytes(resources.get("disk", "5GB"))
    if not facts.bounds_disk and disk > memory // 2:
        yield (
            f"disk {resources.get('disk', '5GB')} cannot be bounded without quotas: the scratch folder holds "
            f"{memory // 2 // 10**6} MB, in memory, and everything else is read-only"
        )
    if facts.cpus and cpus > facts.cpus:
        yield f"cpu {cpus:g} is more than the engine has: executions get {facts.cpus:g}"
    if facts.memory_bytes and memory > facts.memory_bytes:
        yield (
            f"memory {resources.get('memory', '1GB')} is more than the engine has, which is "
            f"{facts.memory_bytes // 10**6} MB"
        )


def _gpus(resources: JsonObject, facts: EngineFacts) -> Iterator[str]:
    asked = int(str(resources.get("gpu") or 0))
    if not asked:
        return
    if facts.kind is EngineKind.KUBERNETES:
        yield f"gpu {asked} needs a node that has it: whether the cluster does is not known here"
    elif facts.has_gpus is False:
        yield f"gpu {asked} needs an engine with a GPU driver, and this one has none: no container starts"
    elif facts.has_gpus is None:
        yield f"gpu {asked} needs an engine with a GPU driver: without one no container starts"


def _bytes(text: Any) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(B|KB|MB|GB|TB)", str(text))
    return int(float(found[1]) * _UNITS[found[2]]) if found is not None else 0
