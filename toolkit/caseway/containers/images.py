"""Images of an engine: found, built, imported, removed.

Rule: a build takes exactly the files it is given; what the engine prints goes to whoever listens."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker

from caseway.containers.engine import Engine
from caseway.containers.errors import ContainerFailed, image_missing
from caseway.containers.layer import PROBE, Python, python_in
from caseway.containers.owner import LABEL, OURS, this_owner
from caseway.containers.sandbox import labelled
from caseway.containers.sdk_errors import engine_errors

Log = Callable[[str], None]
_TAIL = 40
# What `builds` calls an image, what it stands on, and what it was before it was built anew.
_MADE = re.compile(r"caseway/[^/:]+:[0-9a-f]{16}(-base|-packages|-[0-9a-f]{12})?")
_NOISE = (" --->", "Removing intermediate container")  # ids of what is gone by the time they are read


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its id (a digest of its content), its names and labels, its size in bytes."""

    id: str
    tags: tuple[str, ...]
    labels: Mapping[str, str]
    size: int
    environment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to build: the context's files (tar), the Dockerfile in it, and what it may use."""

    context: bytes
    tag: str
    dockerfile: str = "Dockerfile"
    arguments: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    network: str = "none"
    is_fresh: bool = False


def find_image(engine: Engine, name: str) -> Image | None:
    """The image of that name or id; None when the engine has none."""
    with engine_errors(name):
        try:
            found = engine.client.api.inspect_image(name)  # type: ignore[no-untyped-call]  # the stubs lack it
        except docker.errors.ImageNotFound:
            return None
    return _image(found)


def require_image(engine: Engine, name: str) -> Image:
    """The image of that name; pulled when the engine has none. Raises `ContainerFailed` (`image-missing`)."""
    return find_image(engine, name) or pull_image(engine, name)


def pull_image(engine: Engine, name: str) -> Image:
    """The image of that name, fetched anew. Raises `ContainerFailed` (`image-missing`)."""
    with engine_errors(name):
        repository, _, tag = name.rpartition(":")
        if not repository or "/" in tag:
            repository, tag = name, "latest"
        engine.client.api.pull(name if "@" in name else repository, tag=None if "@" in name else tag)
    pulled = find_image(engine, name)
    if pulled is None:
        raise image_missing(name)
    return pulled


def our_images(engine: Engine) -> list[Image]:
    """Every image that Caseway built on this engine."""
    with engine_errors(engine.address.url):
        found = engine.client.api.images(filters={"label": labelled(OURS)})
    return [
        Image(
            str(item["Id"]), tuple(item.get("RepoTags") or ()), dict(item.get("Labels") or {}), item["Size"]
        )
        for item in found
    ]


def remove_image(engine: Engine, name: str) -> bool:
    """Remove it; false when a container uses it, true when it is gone."""
    with engine_errors(name):
        try:
            engine.client.api.remove_image(name, force=False, noprune=False)
        except docker.errors.ImageNotFound:
            return True
        except docker.errors.APIError as error:
            if error.status_code != 409:
                raise
            return False
    return True


def keep_image(engine: Engine, tag: str) -> None:
    """Give the image of that name another one, for the name is about to be given away: what is deployed with
    it keeps it."""
    found = find_image(engine, tag)
    if found is not None:
        repository, _, version = tag.rpartition(":")
        with engine_errors(tag):
            engine.client.api.tag(found.id, repository, f"{version}-{found.id.removeprefix('sha256:')[:12]}")


def unused_images(engine: Engine, used: frozenset[str]) -> list[str]:
    """The names of the runtimes' images that are not among `used`, names and ids; the default one, the
    bases and what others have built upon ours are kept."""
    names = {tag for image in our_images(engine) if image.id not in used for tag in image.tags}
    parts = {f"{name}{suffix}" for name in used for suffix in ("", "-base", "-packages")}
    return sorted(name for name in names - parts if is_made_here(name))


def is_made_here(name: str) -> bool:
    """Whether that is the name of an image that a build of a runtime has made, and not one that somebody has
    brought. Labels do not tell: whatever stands on an image of ours has them."""
    return _MADE.fullmatch(name) is not None


def build_image(engine: Engine, recipe: Recipe, log: Log) -> Image:
    """Build it. Raises `ContainerFailed` (`build-failed`) with the last lines of the log."""
    tail: list[str] = []

    def tell(line: str) -> None:
        tail.append(line)
        del tail[:-_TAIL]
        log(line)

    with engine_errors(recipe.tag):
        told = engine.client.api.build(
            fileobj=io.BytesIO(recipe.context),
            custom_context=True,
            dockerfile=recipe.dockerfile,
            tag=recipe.tag,
            buildargs=dict(recipe.arguments),
            labels={**OURS, **recipe.labels},
            network_mode=recipe.network,
            nocache=recipe.is_fresh,
            rm=True,
            forcerm=True,
            decode=True,
        )
        for line in _lines(told, recipe.tag, tail):
            tell(line)
    return require_image(engine, recipe.tag)


def _lines(told: Iterator[Mapping[str, Any]], tag: str, tail: list[str]) -> Iterator[str]:
    error = ""
    for event in told:  # to its end, even after an error: the connection is used again
        error = error or str(event.get("error") or "")
        text = str(event.get("stream") or event.get("status") or "")
        for line in text.splitlines():
            if line.strip() and not line.startswith(_NOISE):
                yield line.rstrip()
    if error:
        raise build_failed(tag, error, tail)


def build_failed(tag: str, why: str, tail: list[str]) -> ContainerFailed:
    """A build ended with an error."""
    lines = "\n".join(tail[-15:])
    return ContainerFailed(
        f"the image could not be built: {why}\n{lines}".rstrip(),
        code="build-failed",
        place=tag,
        hint="the lines above are the last of the build's log",
    )


def import_image(engine: Engine, archive: Path, tag: str, changes: list[str]) -> Image:
    """An image with the content of a tar archive."""
    repository, _, version = tag.rpartition(":")
    with engine_errors(tag):
        engine.client.api.import_image_from_file(
            str(archive), repository=repository, tag=version, changes=changes
        )
    return require_image(engine, tag)


def python_of(engine: Engine, image: str) -> Python:
    """The Python in an image. Raises `CasewayError` (`runtime-unfit`), `ContainerFailed`."""
    with engine_errors(image):
        try:
            said = engine.client.containers.run(
                image,
                ["-I", "-c", PROBE],
                entrypoint="python3",
                remove=True,
                network_mode="none",
                read_only=True,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges:true"],
                mem_limit="256m",
                pids_limit=32,
                labels={**OURS, LABEL: this_owner().text},
            )
        except docker.errors.ContainerError:
            said = b""
        except docker.errors.APIError as error:
            if "executable file not found" not in str(error) and "no such file" not in str(error):
                raise
            _remove_unstarted(engine, image)
            said = b""
    return python_in(said.decode("utf-8", "replace"), image)


def _remove_unstarted(engine: Engine, image: str) -> None:
    """What could not be started stays, created, when the SDK's `run` fails."""
    mine = {**OURS, LABEL: this_owner().text}
    for container in engine.client.containers.list(
        all=True, filters={"status": "created", "ancestor": image, "label": labelled(mine)}
    ):
        container.remove(force=True)


def _image(found: Mapping[str, Any]) -> Image:
    config = found.get("Config") or {}
    return Image(
        str(found["Id"]),
        tuple(found.get("RepoTags") or ()),
        dict(config.get("Labels") or {}),
        int(found.get("Size") or 0),
        tuple(config.get("Env") or ()),
    )
