"""The runner as files for an image: the package, what it needs, and how it starts.

Rule: what is installed here is taken, never fetched, when the image's Python can use it; only for another
Python the package index is asked."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from caseway.model.errors import CasewayError

HOME = "/opt/caseway/runner"
LABEL = "dev.caseway.runner"
LEAST_PYTHON = (3, 11)
# What the runner imports, and what that needs in turn. Names that an installation lacks are left out.
NEEDED = (
    "jq",
    "jsonschema-rs",
    "pyyaml",
    "httpx",
    "httpcore",
    "h11",
    "anyio",
    "sniffio",
    "idna",
    "certifi",
    "typing_extensions",
    "tzdata",
)
PROBE = (
    "import json,platform,sys,sysconfig;"
    "print(json.dumps([list(sys.version_info[:2]),platform.machine(),"
    "sysconfig.get_config_var('SOABI') or '']))"
)
_START = f'''"""Starts the runner of this container."""

import sys

sys.path.insert(0, "{HOME}/lib")
from caseway_runner.stdio import serve_stdio  # noqa: E402

sys.exit(serve_stdio(owns_container=True))
'''
# How an image gets the runner; `runner/Dockerfile` says the same for people.
STEPS = (
    f"COPY runner {HOME}",
    f'RUN ["python3", "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "{HOME}"]',
    "USER 10001:10001",
    "WORKDIR /tmp",
    f'ENTRYPOINT ["python3", "-I", "-S", "-B", "{HOME}/start.py"]',
)


@dataclass(frozen=True, slots=True)
class Python:
    """The Python of an image."""

    version: tuple[int, int]
    machine: str
    abi: str

    @property
    def is_ours(self) -> bool:
        """Whether what is installed here runs there."""
        here = sys.version_info[:2]
        return self.version == here and self.machine == platform.machine() and "musl" not in self.abi


def python_in(text: str, image: str) -> Python:
    """The Python that `PROBE` printed; raises `CasewayError` (`runtime-unfit`)."""
    try:
        (major, minor), machine, abi = json.loads(text)
    except ValueError:
        raise _unfit(image, "it has no python3") from None
    if (major, minor) < LEAST_PYTHON:
        raise _unfit(image, f"its Python is {major}.{minor}")
    return Python((major, minor), str(machine), str(abi))


def python_named(version: str) -> Python:
    """The Python of that version on a machine like this one; "" is this one's. Raises `CasewayError`."""
    named = version or f"{sys.version_info[0]}.{sys.version_info[1]}"
    major, _, minor = named.partition(".")
    if not (major.isdecimal() and minor.isdecimal()):
        raise CasewayError(f"'{version}' is no version of Python", code="bad-value", hint="such as 3.12")
    return Python((int(major), int(minor)), platform.machine(), "")


def files_for(python: Python) -> dict[str, bytes]:
    """The files below `HOME`, by relative path. Raises `CasewayError` (`runner-unavailable`)."""
    files = {"start.py": _START.encode()}
    files |= {f"lib/{name}": data for name, data in _package("caseway_runner")}
    if python.is_ours:
        for name in NEEDED:
            files |= {f"lib/{path}": data for path, data in _installed(name)}
    else:
        files |= {f"lib/{path}": data for path, data in _fetched(python)}
    return files


def digest_of(files: Mapping[str, bytes]) -> str:
    """What these files are called: 16 hexadecimal digits."""
    told = hashlib.sha256()
    for name in sorted(files):
        told.update(f"{name}\0{len(files[name])}\0".encode())
        told.update(files[name])
    return told.hexdigest()[:16]


def runner_digest() -> str:
    """What the runner installed here is called, whatever Python it goes to."""
    versions = "\n".join(f"{name} {_version(name)}" for name in NEEDED)
    files = {**dict(_package("caseway_runner")), "start.py": _START.encode(), "versions": versions.encode()}
    return digest_of({**files, "steps": "\n".join(STEPS).encode()})


def context(files: Mapping[str, bytes]) -> bytes:
    """A build context of these files, the same bytes for the same files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(files[name]), 0o644
            archive.addfile(entry, io.BytesIO(files[name]))
    return packed.getvalue()


def _package(name: str) -> Iterator[tuple[str, bytes]]:
    found = find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise CasewayError(f"{name} is not installed", code="runner-unavailable", hint="reinstall Caseway")
    root = Path(next(iter(found.submodule_search_locations)))
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"{name}/{path.relative_to(root).as_posix()}", path.read_bytes()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _installed(name: str) -> Iterator[tuple[str, bytes]]:
    """The files of an installed distribution that a program needs; nothing when it is not there."""
    try:
        files = metadata.files(name) or ()
    except metadata.PackageNotFoundError:
        return
    for file in files:
        path = PurePosixPath(file.as_posix())
        if ".." in path.parts or path.suffix == ".pyc" or _is_extra(path):
            continue
        place = Path(str(file.locate()))
        if place.is_file():
            yield str(path), place.read_bytes()


def _is_extra(path: PurePosixPath) -> bool:
    """Records of the installer and tests: nothing runs them."""
    return path.name in {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"} or "tests" in path.parts


def _fetched(python: Python) -> list[tuple[str, bytes]]:
    """What the runner needs, for another Python, from the package index that pip is set up with."""
    wanted = [f"{name}=={_version(name)}" for name in NEEDED if _version(name)]
    with tempfile.TemporaryDirectory(prefix="caseway-layer-") as folder:
        asked = _pip(python, wanted, folder)
        done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        if done.returncode != 0:
            raise CasewayError(
                f"the runner's packages for Python {_dotted(python)} could not be had: {done.stderr[-1500:]}",
                code="runner-unavailable",
                hint=f"run Caseway on Python {_dotted(python)}, or let pip reach a package index",
            )
        root = Path(folder)
        shutil.rmtree(root / "bin", ignore_errors=True)
        found = [path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
        return [(path.relative_to(root).as_posix(), path.read_bytes()) for path in found]


def pip() -> list[str]:
    """How pip is called: that of this Python, else the one on the path. Raises `CasewayError`."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip3") or shutil.which("pip")
    if found is None:
        raise CasewayError(
            "pip is not installed",
            code="tool-missing",
            hint="install it where Caseway is: python -m ensurepip",
        )
    return [found]


def for_python(python: Python) -> list[str]:
    """How pip is told to install for another Python than the one that runs it."""
    libc = ("musllinux_1_1", "musllinux_1_2") if "musl" in python.abi else ("manylinux2014", "manylinux_2_28")
    platforms = [part for name in libc for part in ("--platform", f"{name}_{python.machine}")]
    return ["--python-version", _dotted(python), *platforms]


def _pip(python: Python, wanted: Sequence[str], folder: str) -> list[str]:
    return [
        *(*pip(), "install", "--quiet", "--no-deps", "--no-compile"),
        *("--only-binary=:all:", "--target", folder, *for_python(python), *wanted),
    ]


def _dotted(python: Python) -> str:
    return ".".join(str(part) for part in python.version)


def _unfit(image: str, why: str) -> CasewayError:
    least = ".".join(str(part) for part in LEAST_PYTHON)
    return CasewayError(
        f"{image} cannot hold the runner: {why}",
        code="runtime-unfit",
        place=image,
        hint=f"a runtime's image needs python3, {least} or newer",
    )
