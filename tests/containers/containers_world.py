"""What the tests of containers share: jobs, runs, and what is left on the engine."""

from __future__ import annotations

import asyncio
from typing import Any

import caseway_runner as runner
from caseway.containers.engine import Engine
from caseway.containers.executor import ContainerExecutor
from caseway.containers.job import Job, Place
from caseway.containers.sandbox import MB, Network, Resources, Sandbox
from caseway.containers.warmth import Warmth
from docker_daemon import own_containers

ENOUGH = 120.0  # seconds after which something hangs
SMALL = Resources(cpus=1.0, memory_bytes=256 * MB, disk_bytes=32 * MB, processes=64)


def a_document(*tasks: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A workflow of these tasks."""
    head = {"dsl": "1.0.3", "namespace": "tests", "name": parts.pop("name", "example"), "version": "1.0.0"}
    return {"document": head, "do": list(tasks), **parts}


def a_script(code: str, name: str = "go", **run: Any) -> dict[str, Any]:
    """A task that runs a Python script."""
    return {name: {"run": {"script": {"language": "python", "code": code}, **run}}}


def a_shell(command: str, name: str = "go", **run: Any) -> dict[str, Any]:
    """A task that runs a shell command."""
    return {name: {"run": {"shell": {"command": command}, **run}}}


def a_place(image: str, *, resources: Resources = SMALL, warmth: Warmth | None = None, **more: Any) -> Place:
    """Where jobs of a test's deployment run."""
    more.setdefault("network", Network.NONE)
    return Place(Sandbox(image, resources, **more), "deployment-1", warmth or Warmth())


def a_job(document: dict[str, Any], place: Place, given: Any = None, id: str = "run-1") -> Job:
    """A job."""
    return Job(document, given, runner.Execution(id), place)


def run_job(engine: Engine, job: Job, **ports: Any) -> runner.Outcome:
    """Run one job in a container of its own and see it removed."""

    async def run() -> runner.Outcome:
        async with ContainerExecutor(engine) as executor:
            return await executor.execute(job, runner.Ports(**ports))

    return asyncio.run(run())


async def begun(executor: ContainerExecutor, job: Job) -> asyncio.Task[runner.Outcome]:
    """The job's execution under way, its first task begun; raises what ended it before."""
    running = asyncio.Event()
    ports = runner.Ports(on_task=lambda record: running.set())
    work = asyncio.create_task(executor.execute(job, ports))
    waiting = asyncio.create_task(running.wait())
    await asyncio.wait({work, waiting}, timeout=ENOUGH, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not running.is_set():
        raise AssertionError("it ended before" if work.done() else "nothing began") from _error_of(work)
    return work


def _error_of(work: asyncio.Task[Any]) -> BaseException | None:
    return work.exception() if work.done() and not work.cancelled() else None


def left(engine: Engine) -> list[str]:
    """The names of the containers that tests of this process have left on the engine."""
    return [item.name for item in own_containers(engine)]
