"""Builds the image of a runtime: from an image, a Dockerfile, or a base with packages; the runner on top.

Rule: an image is named by all that it is made of, so that the same inputs are never built twice; another
build of the same inputs is asked for (`is_fresh`)."""

from __future__ import annotations

import posixpath
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from caseway.containers import layer
from caseway.containers.engine import Engine
from caseway.containers.errors import ContainerFailed
from caseway.containers.images import (
    Image,
    Log,
    Recipe,
    build_image,
    find_image,
    keep_image,
    python_of,
    require_image,
)
from caseway.containers.layer import Python
from caseway.model.canonical import digest
from caseway.model.errors import CasewayError

RUNTIME = "dev.caseway.runtime"
# The package managers of distributions, and how each installs without asking.
_INSTALL = """set -e
if command -v apt-get >/dev/null; then
  apt-get update -q && apt-get install -q -y --no-install-recommends "$@" && rm -rf /var/lib/apt/lists/*
elif command -v apk >/dev/null; then apk add --no-cache "$@"
elif command -v dnf >/dev/null; then dnf install -y --setopt=install_weak_deps=False "$@" && dnf clean all
else echo 'the base image has none of apt-get, apk and dnf' >&2; exit 1
fi
"""


@dataclass(frozen=True, slots=True)
class RuntimeSpec:
    """A runtime to build: the `spec` of its document, and the files of its build context by path."""

    name: str
    namespace: str
    body: Mapping[str, Any]
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Built:
    """A runtime's image: its name and id, its size in bytes, what it is made of; `is_new` when it was built
    just now."""

    image: str
    image_id: str
    size: int
    inputs: str
    base_id: str
    runner: str
    is_new: bool


def build_runtime(engine: Engine, spec: RuntimeSpec, log: Log, *, is_fresh: bool = False) -> Built:
    """Build it, unless it is there. Raises `ContainerFailed` (`image-missing`, `build-failed`) and
    `CasewayError` (`runtime-unfit`, `runner-unavailable`, `packages-failed`)."""
    base = _base(spec)
    there = require_image(engine, base) if base else None
    base_id = there.id if there is not None else ""
    runner = layer.runner_digest()
    is_whole = not any((spec.body.get("packages") or {}).values())  # the lists are there, empty or not
    if there is not None and is_whole and there.labels.get(layer.LABEL) == runner:
        log(f"{base} has the runner already")
        return _built(base, there, inputs_of(spec, base_id, runner), (base_id, runner), is_new=False)
    inputs = inputs_of(spec, base_id, runner)
    tag = f"caseway/{_slug(spec.namespace)}-{_slug(spec.name)}:{inputs[:16]}"
    found = None if is_fresh else find_image(engine, tag)
    if found is not None:
        log(f"{tag} is there already")
        return _built(tag, found, inputs, (base_id, runner), is_new=False)
    if is_fresh:
        keep_image(engine, tag)
    below, python = _below(engine, spec, (base, tag), log, is_fresh=is_fresh)
    log(f"[3/3] adding the runner to {below}")
    image = _with_runner(
        engine, (below, python), tag, {RUNTIME: spec.name, "dev.caseway.inputs": inputs}, log
    )
    return _built(tag, image, inputs, (base_id, runner), is_new=True)


def freshness(engine: Engine, spec: RuntimeSpec, built_inputs: str) -> str:
    """`current`, or `outdated` when the spec, the base image or the runner is another by now."""
    base = _base(spec)
    found = find_image(engine, base) if base else None
    now = inputs_of(spec, found.id if found is not None else "", layer.runner_digest())
    return "current" if now == built_inputs else "outdated"


def inputs_of(spec: RuntimeSpec, base_id: str, runner: str) -> str:
    """A digest of all that the image is made of."""
    body = {name: value for name, value in spec.body.items() if name not in {"description", "files"}}
    files = {path: layer.digest_of({path: data}) for path, data in spec.files.items()}
    told = digest({"spec": body, "files": files, "base": base_id, "runner": runner})
    return told.removeprefix("sha256:")


def _base(spec: RuntimeSpec) -> str:
    return str(spec.body.get("image") or spec.body.get("baseImage") or "")


def _below(
    engine: Engine, spec: RuntimeSpec, names: tuple[str, str], log: Log, *, is_fresh: bool
) -> tuple[str, Python]:
    """The image without the runner, and the Python in it; `names` are those of the base and of the result."""
    base, tag = names
    name = base
    if not base:
        log(f"[1/3] building {spec.body['dockerfile']}")
        name = f"{tag}-base"
        build_image(engine, replace(_dockerfile(spec, name), is_fresh=is_fresh), log)
    python = python_of(engine, name)
    packages = spec.body.get("packages") or {}
    system, wanted = list(packages.get("system") or ()), list(packages.get("python") or ())
    if system or wanted:
        log(f"[2/3] installing {len(system)} system and {len(wanted)} Python packages")
        recipe = _packages(name, f"{tag}-packages", system, _wheels(python, wanted, log))
        build_image(engine, replace(recipe, is_fresh=is_fresh), log)
        name = f"{tag}-packages"
    return name, python


def _dockerfile(spec: RuntimeSpec, tag: str) -> Recipe:
    path = str(spec.body["dockerfile"])
    folder = posixpath.normpath(spec.body.get("context") or posixpath.dirname(path) or ".")
    if path not in spec.files:
        raise ContainerFailed(
            f"the Dockerfile {path} is not among the files of the runtime",
            code="build-failed",
            place=path,
            hint="commit it, and apply again",
        )
    context = {posixpath.relpath(name, folder): data for name, data in spec.files.items()}
    outside = {name: data for name, data in context.items() if name.startswith("../")}
    inside = {name: data for name, data in context.items() if name not in outside}
    inside[".caseway.Dockerfile"] = spec.files[path]
    arguments = {name: str(value) for name, value in (spec.body.get("buildArgs") or {}).items()}
    return Recipe(layer.context(inside), tag, ".caseway.Dockerfile", arguments, network="default")


def _packages(base: str, tag: str, system: list[str], python: Mapping[str, bytes]) -> Recipe:
    steps = [f"FROM {base}", "USER 0:0"]
    if system:
        steps += [
            "COPY install.sh /tmp/install.sh",
            f"RUN sh /tmp/install.sh {' '.join(system)} && rm /tmp/install.sh",
        ]
    if python:
        steps.append("COPY python /opt/caseway/python")
        # A file that names a folder makes every Python of the image look there.
        where = "import site;print(site.getsitepackages()[0])"
        steps.append(
            f"RUN mkdir -p \"$(python3 -c '{where}')\" && "
            f"echo /opt/caseway/python > \"$(python3 -c '{where}')/caseway.pth\""
        )
    files = {"Dockerfile": "\n".join(steps).encode() + b"\n", "install.sh": _INSTALL.encode()}
    files |= {f"python/{name}": data for name, data in python.items()}
    return Recipe(layer.context(files), tag, network="default" if system else "none")


def _wheels(python: Python, wanted: list[str], log: Log) -> dict[str, bytes]:
    """Python packages for the image, installed here: pip's settings and its cache are this machine's."""
    if not wanted:
        return {}
    with tempfile.TemporaryDirectory(prefix="caseway-packages-") as folder:
        command = [
            *(*layer.pip(), "install", "--no-compile", "--disable-pip-version-check"),
            *("--only-binary=:all:", "--target", folder, *layer.for_python(python), "--", *wanted),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a list
        for line in done.stdout.splitlines():
            log(line)
        if done.returncode != 0:
            raise CasewayError(
                f"the Python packages could not be installed: {done.stderr.strip()[-1500:]}",
                code="packages-failed",
                place=", ".join(wanted)[:200],
                hint="packages are taken as wheels from the index that pip is set up with",
            )
        root = Path(folder)
        shutil.rmtree(root / "bin", ignore_errors=True)
        found = [path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def _with_runner(
    engine: Engine, below: tuple[str, Python], tag: str, labels: Mapping[str, str], log: Log
) -> Image:
    name, python = below
    text = f"FROM {name}\nUSER 0:0\n" + "\n".join(layer.STEPS) + "\n"
    context = {f"runner/{path}": data for path, data in layer.files_for(python).items()}
    recipe = Recipe(
        layer.context({**context, "Dockerfile": text.encode()}),
        tag,
        labels={**labels, layer.LABEL: layer.runner_digest()},
    )
    return build_image(engine, recipe, log)


def add_runner(engine: Engine, base: str, tag: str, labels: Mapping[str, str], log: Log) -> Image:
    """`base` with the runner as its last layer, as `tag`."""
    log(f"adding the runner to {base}")
    return _with_runner(engine, (base, python_of(engine, base)), tag, labels, log)


def _built(tag: str, image: Image, inputs: str, of: tuple[str, str], *, is_new: bool) -> Built:
    return Built(tag, image.id, image.size, inputs, of[0], of[1], is_new)


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower()).strip("-") or "x"
