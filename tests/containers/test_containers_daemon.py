"""Daemons of the tests' own: started where none runs, gone without a trace; and what goes wrong with one that
is killed, or that has no room."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from containers_world import ENOUGH, a_document, a_job, a_place, a_shell, begun, run_job

from caseway.containers.engine import Address, Engine
from caseway.containers.errors import ContainerFailed, ContainerLost
from caseway.containers.executor import ContainerExecutor
from caseway.containers.images import import_image
from caseway.containers.reaper import reap
from docker_daemon import Daemon, own_containers

pytestmark = [
    pytest.mark.usefixtures("docker_daemon"),  # skips where no daemon can run
    pytest.mark.timeout(600),
]


@pytest.fixture
def own_daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon of one test."""
    daemon = Daemon(tmp_path / "docker")
    yield daemon
    daemon.stop()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The folder of a daemon's data, on a disk of 48 MB."""
    folder = tmp_path / "docker" / "data"
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=False, stderr=subprocess.DEVNULL)


def killed(daemon: Daemon) -> None:
    """End it as the kernel would, with all that it has started but the containers' own keepers."""
    pid = int((daemon.run / "pid").read_text())
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}").exists() and "(zombie)" not in Path(f"/proc/{pid}/status").read_text():
        time.sleep(0.02)
    # A successor minds the files of processes that nobody has waited for.
    for file in (daemon.run / "pid", daemon.run / "exec" / "containerd" / "containerd.pid"):
        file.unlink(missing_ok=True)


def test_a_daemon_that_is_stopped_leaves_no_process_no_mount_and_no_socket(own_daemon):
    assert not own_daemon.is_up()
    own_daemon.start()
    assert own_daemon.is_up()
    assert own_daemon.processes()
    own_daemon.stop()
    assert not own_daemon.is_up()
    assert not own_daemon.run.exists()
    assert own_daemon.processes() == []
    assert str(own_daemon.folder) not in Path("/proc/mounts").read_text()


def test_an_engine_without_room_is_a_typed_error_and_leaves_nothing(own_daemon, small_disk, tmp_path):
    own_daemon.start()
    engine = Engine(Address(own_daemon.url))
    with tarfile.open(tmp_path / "empty.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("marker"))
    import_image(engine, tmp_path / "empty.tar", "caseway/tests:empty", ['CMD ["/bin/sh"]'])
    with pytest.raises(OSError, match="No space left"), (small_disk / "big").open("wb", buffering=0) as big:
        while True:
            big.write(bytes(65_536))
    with pytest.raises(ContainerFailed) as refused:
        run_job(engine, a_job(a_document(a_shell("true")), a_place("caseway/tests:empty")))
    assert refused.value.code == "engine-disk-full"
    assert "make room" in refused.value.hint
    assert own_containers(engine) == []
    engine.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the SDK's broken connections
def test_an_engine_that_is_killed_loses_the_execution_and_its_successor_finds_nothing_running(
    own_daemon, engine, runtime_image
):
    own_daemon.start()
    far = Engine(Address(own_daemon.url))
    image = engine.client.images.get(runtime_image)  # which others may call by other names too
    far.client.images.load(image.save(named=runtime_image))

    async def run() -> str:
        executor = ContainerExecutor(far)
        job = a_job(a_document(a_shell("sleep 600")), a_place(runtime_image), id="run-killed-engine")
        work = await begun(executor, job)
        killed(own_daemon)
        with pytest.raises(ContainerLost) as refused:
            await asyncio.wait_for(work, ENOUGH)
        await executor.settle()
        return refused.value.code

    assert asyncio.run(run()) in {"engine-unreachable", "container-lost"}
    far.close()
    own_daemon.start()
    after = Engine(Address(own_daemon.url))
    until = time.monotonic() + ENOUGH
    while any(item.status == "running" for item in own_containers(after)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [item for item in own_containers(after) if item.status == "running"]
    reap(after)
    for item in own_containers(after):  # ours lives, so that the reaper leaves it for a while
        after.remove(item.id)
    assert own_containers(after) == []
    after.close()
