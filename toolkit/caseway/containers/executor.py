"""Runs executions in containers: a warm one of their deployment when there is one, else a new one.

Rule: a container is used by one execution at a time, and removed unless its runner says that it is clean."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType

import caseway_runner as runner
from caseway.containers.container import RunnerContainer, open_container
from caseway.containers.engine import Engine
from caseway.containers.errors import ContainerFailed
from caseway.containers.job import Job, Place
from caseway.containers.owner import LABEL, OURS, Owner, this_owner
from caseway.containers.sandbox import Capacity


class ContainerExecutor:
    """An executor on one Docker engine; use as an async context manager: leaving removes what is left."""

    def __init__(self, engine: Engine, *, owner: Owner | None = None) -> None:
        self._engine = engine
        self._owner = owner or this_owner()
        self._capacity: Capacity | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> ContainerExecutor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.settle()

    async def execute(self, job: Job, ports: runner.Ports) -> runner.Outcome:
        """Run the job in a container of its place. Raises `ContainerLost`, `ContainerFailed`, and what the
        ports raise; cancelled from outside it gives a `cancelled` outcome."""
        place = _place_of(job)
        container = await self._open(job, place)
        try:
            return await container.run(job, _inside(ports))
        finally:
            self._close(container)

    async def settle(self) -> None:
        """Return when every container that was let go of is removed."""
        while self._closing:
            await asyncio.gather(*self._closing, return_exceptions=True)

    async def _open(self, job: Job, place: Place) -> RunnerContainer:
        labels = {
            **self._labels(place),
            "dev.caseway.kind": "execution",
            "dev.caseway.execution": job.execution.id,
        }
        return await open_container(self._engine, place.sandbox, labels, await self._measured())

    def _labels(self, place: Place) -> Mapping[str, str]:
        return {
            **OURS,
            LABEL: self._owner.text,
            "dev.caseway.organization": place.sandbox.namespace,
            "dev.caseway.deployment": place.deployment,
        }

    async def _measured(self) -> Capacity:
        if self._capacity is None:
            self._capacity = await asyncio.to_thread(self._engine.capacity)
        return self._capacity

    def _close(self, container: RunnerContainer) -> None:
        """Remove the container without making anybody wait for it."""
        task = asyncio.ensure_future(container.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _inside(ports: runner.Ports) -> runner.Ports:
    """The ports for a run in a container: what bounds shell and script tasks there is the container."""
    return replace(ports, policy=replace(ports.policy, processes=True))


def _place_of(job: Job) -> Place:
    if job.place is None:
        raise ContainerFailed(
            "this execution has no runtime to run in",
            code="image-missing",
            place=job.execution.id,
            hint="name a runtime in usecase.yaml, or make the default one with 'caseway runtime base'",
        )
    return job.place
