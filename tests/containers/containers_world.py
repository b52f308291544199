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


def left(engine: Engine) -> list[str]:
    """The names of the containers that tests of this process have left on the engine."""
    return [item.name for item in own_containers(engine)]
