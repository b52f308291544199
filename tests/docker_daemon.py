"""A Docker daemon of the tests' own, shared by all their processes: on a private socket, off the network.

Import the fixtures `engine` and `runtime_image` where they are needed. The daemon's data stays in the user's
cache folder, for the base image takes half a minute to make; the daemon itself ends with the last test."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from caseway.containers import layer
from caseway.containers.base import PACKAGES, SUITE, BaseRequest, make_default
from caseway.containers.engine import Address, Created, Engine
from caseway.containers.images import find_image, our_images, remove_image
from caseway.containers.owner import LABEL, this_owner
from caseway.containers.reaper import reap
from caseway.model.errors import CasewayError

_START_SECONDS = 120  # a busy machine takes its time


def own_containers(engine: Engine) -> list[Created]:
    """Those that this process has made: other processes of the tests use the same daemon at the same time."""
    return engine.ours({LABEL: this_owner().text})


def own_volumes(engine: Engine) -> list[str]:
    """The names of the volumes that this process has made."""
    found = engine.client.api.volumes(filters={"label": [f"{LABEL}={this_owner().text}"]})
    return [volume["Name"] for volume in found["Volumes"] or []]


def own_networks(engine: Engine) -> list[str]:
    """The names of the networks that this process has made."""
    found = engine.client.api.networks(filters={"label": [f"{LABEL}={this_owner().text}"]})
    return [network["Name"] for network in found]


def cache_folder() -> Path:
    """What takes long to make and is the same for the next tests: of the user, and never in the clone."""
    home = os.environ.get("CASEWAY_TEST_CACHE") or Path.home() / ".cache" / "caseway-tests"
    return Path(home) / "docker"


def _why_not() -> str:
    """Why no daemon can run here, or ""."""
    if os.geteuid() != 0:
        return "a private dockerd needs root"
    missing = [
        name for name in ("dockerd", "docker-init", "mmdebstrap", "unshare") if shutil.which(name) is None
    ]
    return f"not installed: {', '.join(missing)}" if missing else ""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder, made when it is not there, for one process of the tests at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Daemon:
    """The daemon whose files are in `folder`; sockets want short paths, so that is elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        name = hashlib.sha256(str(folder).encode()).hexdigest()[:10]
        self.run = Path(tempfile.gettempdir()) / f"caseway-dockerd-{name}"
        self.url = f"unix://{self.run}/docker.sock"

    def start(self) -> None:
        """Start it; one that was killed is followed by a successor, as a machine's own would be."""
        self.run.mkdir(parents=True, exist_ok=True)
        with (self.run / "log").open("a") as log:
            # A network namespace of its own: its bridge and its rules touch nothing of the machine.
            command = "ip link set lo up 2>/dev/null; exec dockerd " + " ".join(self._options())
            # Forked away: it outlives the process that happens to start it.
            own = ["setsid", "--fork", "unshare", "-n", "sh", "-c", command]
            subprocess.run(own, stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=True)
        until = time.monotonic() + _START_SECONDS
        while not self.is_up():
            if time.monotonic() > until:
                pytest.skip(f"dockerd cannot run here: {(self.run / 'log').read_text()[-600:]}")
            time.sleep(0.05)

    def _options(self) -> list[str]:
        return [
            f"--data-root {self.folder}/data",
            f"--exec-root {self.run}/exec",
            f"--pidfile {self.run}/pid",
            f"-H {self.url}",
            "--group root --log-level warn",
        ]

    def is_up(self) -> bool:
        """Whether it answers."""
        if not (self.run / "docker.sock").exists():
            return False
        engine = Engine(Address(self.url))
        try:
            engine.capacity()
        except CasewayError:
            return False
        finally:
            engine.close()
        return True

    def stop(self) -> None:
        """Stop it, and leave nothing of it but the cache."""
        try:
            pid = int((self.run / "pid").read_text())
            os.kill(pid, signal.SIGTERM)
        except (OSError, ValueError):
            pid = 0  # it was killed
        until = time.monotonic() + _START_SECONDS
        while pid and Path(f"/proc/{pid}").exists() and time.monotonic() < until:
            time.sleep(0.02)
        for rest in self.processes():  # what a killed one has left: containerd, the keepers of containers
            with suppress(OSError):
                os.kill(rest, signal.SIGKILL)
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in reversed(
            [path for path in mounts if path.startswith((str(self.run), str(self.folder)))]
        ):
            subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.run, ignore_errors=True)

    def processes(self) -> list[int]:
        """Those that name its folder: itself and what it has started."""
        found = []
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = file.read_bytes().decode("utf-8", "replace")
            except OSError:
                continue  # it ended just now
            if f"{self.run}/" in words:
                found.append(int(file.parent.name))
        return found


@pytest.fixture(scope="session")
def docker_daemon() -> Iterator[Daemon]:
    """A running daemon: this process's, or the one that another process of the tests has started."""
    if reason := _why_not():
        pytest.skip(reason)
    folder = cache_folder()
    daemon, users = Daemon(folder), folder / "users"
    with locked(folder):
        users.mkdir(exist_ok=True)
        if not daemon.is_up():
            daemon.start()
        own = users / f"{os.getpid()}-{secrets.token_hex(4)}"  # a process may hold it more than once
        own.touch()
    yield daemon
    with locked(folder):
        own.unlink(missing_ok=True)
        alive = [user for user in users.iterdir() if Path(f"/proc/{user.name.partition('-')[0]}").exists()]
        if not alive:
            shutil.rmtree(users)
            daemon.stop()


@pytest.fixture(scope="session")
def engine(docker_daemon: Daemon) -> Iterator[Engine]:
    """The tests' engine. Nothing of ours may be left on it at the end of a process's tests."""
    engine = Engine(Address(docker_daemon.url))
    reap(engine)  # what a killed test has left
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def runtime_image(engine: Engine) -> str:
    """The default runtime, made once for what the runner is now."""
    inputs = f"{layer.runner_digest()} {SUITE} {' '.join(PACKAGES)}"
    tag = f"caseway/runtime:test-{hashlib.sha256(inputs.encode()).hexdigest()[:12]}"
    with locked(cache_folder() / "image"):
        if find_image(engine, tag) is None:
            archive = cache_folder() / f"base-{SUITE}.tar"
            make_default(engine, BaseRequest(tag=tag, archive=archive), lambda line: None)
            for image in our_images(engine):
                for old in image.tags:
                    if old.startswith("caseway/runtime:test-") and old != tag:
                        remove_image(engine, old)
    return tag
