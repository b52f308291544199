"""What goes away while an execution runs is a typed error, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from containers_world import ENOUGH, SMALL, a_document, a_job, a_place, a_shell, begun, left, run_job

import caseway_runner as runner
from caseway.containers.engine import Address, Created, Engine
from caseway.containers.errors import ContainerFailed, ContainerLost
from caseway.containers.executor import ContainerExecutor
from caseway.containers.owner import LABEL, OURS
from caseway.containers.reaper import UNTIL, is_abandoned, reap
from docker_daemon import own_containers

SLOW = a_document(a_shell("sleep 600"))


async def started(engine: Engine, job) -> tuple[ContainerExecutor, asyncio.Task, str]:
    """An execution under way, and its container."""
    executor = ContainerExecutor(engine)
    work = await begun(executor, job)
    return (
        executor,
        work,
        next(
            item.id
            for item in own_containers(engine)
            if item.labels["dev.caseway.execution"] == job.execution.id
        ),
    )


def test_a_container_removed_by_force_is_lost(engine, runtime_image):
    async def run() -> None:
        executor, work, container = await started(engine, a_job(SLOW, a_place(runtime_image), id="run-rm"))
        await asyncio.to_thread(engine.remove, container)
        with pytest.raises(ContainerLost) as refused:
            await work
        assert refused.value.code == "container-lost"
        await executor.settle()

    asyncio.run(run())
    assert left(engine) == []


def test_an_image_that_is_not_there_is_said_with_what_to_do(engine):
    with pytest.raises(ContainerFailed) as refused:
        run_job(engine, a_job(SLOW, a_place("caseway/runtime:nowhere")))
    assert refused.value.code == "image-missing"
    assert "caseway runtime" in refused.value.hint


def test_an_image_without_a_runner_is_said_and_removed(engine, runtime_image):
    with pytest.raises(ContainerFailed) as refused:
        run_job(engine, a_job(SLOW, a_place("caseway/base:bookworm")))
    assert refused.value.code == "runner-broken"
    assert left(engine) == []


def test_a_gpu_that_is_not_there_is_a_typed_error(engine, runtime_image):
    with pytest.raises(ContainerFailed) as refused:
        run_job(engine, a_job(SLOW, a_place(runtime_image, resources=replace(SMALL, gpus=1))))
    assert refused.value.code == "gpu-unavailable"
    assert left(engine) == []


def test_an_engine_that_is_not_there_is_a_typed_error(tmp_path):
    nobody = Engine(Address(f"unix://{tmp_path}/nobody.sock"))
    with pytest.raises(ContainerLost) as refused:
        run_job(nobody, a_job(SLOW, a_place("any")))
    assert refused.value.code == "engine-unreachable"


def test_a_cancelled_execution_ends_with_its_container(engine, runtime_image):
    async def run() -> runner.Outcome:
        executor, work, _ = await started(engine, a_job(SLOW, a_place(runtime_image), id="run-cancel"))
        work.cancel()
        outcome = await work
        await executor.settle()
        return outcome

    assert asyncio.run(run()).status == "cancelled"
    assert left(engine) == []


KILLED = """
import asyncio, sys
sys.path[:0] = [{tests!r}, {tests!r} + '/containers']
from containers_world import a_document, a_job, a_place, a_shell
import caseway_runner as runner
from caseway.containers.engine import Address, Engine
from caseway.containers.executor import ContainerExecutor

job = a_job(a_document(a_shell("sleep 600")), a_place({image!r}), id={id!r})
ports = runner.Ports(on_task=lambda record: print("running", flush=True))
asyncio.run(ContainerExecutor(Engine(Address({url!r}))).execute(job, ports))
"""


def test_a_killed_process_leaves_a_container_that_ends_by_itself_and_is_reaped(engine, runtime_image):
    marks = {"dev.caseway.execution": f"run-killed-{secrets.token_hex(4)}"}
    script = KILLED.format(
        tests=str(Path(__file__).parents[1]),
        image=runtime_image,
        url=engine.address.url,
        id=marks["dev.caseway.execution"],
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    assert len(engine.ours(marks)) == 1
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    # It ends by itself, whether or not another process of the tests reaps what is left of it before us.
    until = time.monotonic() + ENOUGH
    while any(item.status == "running" for item in engine.ours(marks)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [item for item in engine.ours(marks) if item.status == "running"]
    reap(engine)
    assert engine.ours(marks) == []


def test_a_living_process_s_containers_are_left_alone(engine, runtime_image):
    async def run() -> tuple[str, tuple[str, ...]]:
        executor, work, container = await started(engine, a_job(SLOW, a_place(runtime_image), id="run-alive"))
        (mine,) = [item.name for item in own_containers(engine) if item.id == container]
        reaped = await asyncio.to_thread(reap, engine)
        work.cancel()
        await work
        await executor.settle()
        return mine, reaped.containers

    mine, reaped = asyncio.run(run())
    assert mine not in reaped


def made(**more):
    labels = {**OURS, **more.pop("labels", {})}
    return Created("1", "name", more.pop("status", "running"), labels, more.pop("created", 0))


@pytest.mark.parametrize(
    ("item", "now", "expected"),
    [
        (made(labels={LABEL: "elsewhere:12:99"}), 10_000, False),
        (made(labels={LABEL: "elsewhere:12:99"}, status="exited"), 10_000, True),
        (made(labels={LABEL: "elsewhere:12:99"}, status="created", created=9_990), 10_000, False),
        (made(labels={LABEL: "elsewhere:12:99", UNTIL: "10001"}, status="exited"), 10_000, False),
        (made(labels={LABEL: "elsewhere:12:99", UNTIL: "9999"}), 10_000, True),
        (made(status="running"), 10_000, False),
        (made(status="exited"), 10_000, True),
    ],
)
def test_what_is_abandoned(item, now, expected):
    assert is_abandoned(item, now) is expected


class Road:
    """A socket on the way to the engine that can be cut: as if the engine had died."""

    def __init__(self, path: Path, target: str) -> None:
        self.url, self._target = f"unix://{path}", target
        self._open: list[socket.socket] = []
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._threads: list[threading.Thread] = []
        self._begin(self._accept)

    def _begin(self, work, *args) -> None:
        self._threads.append(threading.Thread(target=work, args=args, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                near = self._listening.accept()[0]
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            self._open += [near, far]
            for source, sink in ((near, far), (far, near)):
                self._begin(self._pump, source, sink)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def cut(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in self._open:
            end.close()


# The SDK does not close connections that broke under it; they go with the client.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_engine_that_dies_loses_the_execution_and_its_container_ends_by_itself(
    tmp_path, engine, runtime_image
):
    road = Road(tmp_path / "s", engine.address.url.removeprefix("unix://"))
    far = Engine(Address(road.url))

    async def run() -> str:
        executor, work, container = await started(far, a_job(SLOW, a_place(runtime_image), id="run-cut"))
        road.cut()
        with pytest.raises(ContainerLost) as refused:
            await asyncio.wait_for(work, ENOUGH)
        assert refused.value.code == "engine-unreachable"
        await executor.settle()
        return container

    container = asyncio.run(run())
    far.close()
    until = time.monotonic() + ENOUGH
    while engine.state(container).is_running and time.monotonic() < until:
        time.sleep(0.05)
    assert not engine.state(container).is_running
    engine.remove(container)
    gc.collect()
