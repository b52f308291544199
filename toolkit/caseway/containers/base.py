"""Makes the default runtime: a base image from what this machine has, and the runner on top of it.

Rule: one command makes both, and making them again with the same inputs gives the same names."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from caseway.containers.builds import add_runner
from caseway.containers.engine import Engine
from caseway.containers.images import Image, Log, find_image, import_image, require_image
from caseway.model.engine_facts import DEFAULT_RUNTIME_IMAGE
from caseway.model.errors import CasewayError

DEBIAN = "debian"
SUITE = "bookworm"
BASE_TAG = f"caseway/base:{SUITE}"
DEFAULT_TAG = DEFAULT_RUNTIME_IMAGE
PACKAGES = ("python3", "ca-certificates")
_LEFT_OUT = ("man", "doc", "locale", "info")


@dataclass(frozen=True, slots=True)
class BaseRequest:
    """What the default runtime stands on: an `image` (best named by digest), or, without one, a Debian made
    here with mmdebstrap, from an `archive` when it was made before; packages come from `mirror`, without one
    from where mmdebstrap takes them."""

    image: str = ""
    mirror: str = ""
    archive: Path | None = None
    tag: str = DEFAULT_TAG
    is_fresh: bool = False


def make_default(engine: Engine, asked: BaseRequest, log: Log) -> Image:
    """The default runtime's image. Raises `CasewayError` (`tool-missing`, `base-failed`, `runtime-unfit`),
    `ContainerFailed`."""
    base = require_image(engine, asked.image) if asked.image else _debian(engine, asked, log)
    name = asked.image or BASE_TAG
    return add_runner(engine, name, asked.tag, {"dev.caseway.base": base.id}, log)


def _debian(engine: Engine, asked: BaseRequest, log: Log) -> Image:
    found = find_image(engine, BASE_TAG)
    if found is not None and not asked.is_fresh:
        log(f"{BASE_TAG} is there already")
        return found
    if asked.archive is not None and asked.archive.is_file() and not asked.is_fresh:
        return _imported(engine, asked.archive, log)
    with tempfile.TemporaryDirectory(prefix="caseway-base-") as folder:
        made = Path(folder) / "base.tar"
        make_debian(made, asked.mirror, log)
        if asked.archive is not None:
            asked.archive.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(made, asked.archive.with_suffix(".part"))
            asked.archive.with_suffix(".part").replace(asked.archive)
        return _imported(engine, made, log)


def make_debian(archive: Path, mirror: str, log: Log) -> None:
    """A minimal Debian with Python as a tar archive."""
    tool = shutil.which("mmdebstrap")
    if tool is None:
        raise CasewayError(
            "mmdebstrap is not installed",
            code="tool-missing",
            hint="on Debian: apt-get install mmdebstrap; or name an image: --image python:3.12-slim",
        )
    log(f"making {BASE_TAG} from {mirror or 'Debian'} (half a minute)")
    command = [
        *(tool, "--quiet", "--variant=essential", f"--include={','.join(PACKAGES)}"),
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT),
        *(SUITE, str(archive), *((mirror,) if mirror else ())),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode != 0:
        raise CasewayError(
            f"the base image could not be made: {done.stderr.strip()[-1500:]}",
            code="base-failed",
            place=BASE_TAG,
            hint="mmdebstrap wants root (or user namespaces) and the mirror: name another with --mirror",
        )


def _imported(engine: Engine, archive: Path, log: Log) -> Image:
    log(f"importing {BASE_TAG}")
    changes = ['CMD ["/bin/sh"]', "ENV LANG=C.UTF-8", "LABEL dev.caseway=1"]
    return import_image(engine, archive, BASE_TAG, changes)
