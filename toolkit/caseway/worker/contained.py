"""Gives a worker containers to run in: for the deployments that ask for them, as long as it works.

Rule: the engine is not spoken to, nor its library loaded, before an execution or a warm place needs it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol

import caseway_runner as runner
from caseway.containers.errors import ContainerLost
from caseway.containers.job import Job
from caseway.model.errors import CasewayError
from caseway.platform.compose import Platform
from caseway.platform.serving import serving_no_more
from caseway.worker.container_tasks import LazyTasks
from caseway.worker.executors import LocalExecutor, PlacedExecutor
from caseway.worker.places import Places
from caseway.worker.run import Worker

if TYPE_CHECKING:
    from caseway.containers.engine import Engine
    from caseway.containers.executor import ContainerExecutor
    from caseway.containers.kubernetes.cluster import Cluster
    from caseway.containers.tasks import TaskPolicy

LOG = logging.getLogger("caseway.worker")
TEND_SECONDS = 5.0
OpenEngine = Callable[[], "Engine"]
OpenCluster = Callable[[], "Cluster"]


class Backend(Protocol):
    """What containers run on, and what is done with it: reaping what a crash has left, an executor."""

    def executor(self) -> ContainerExecutor:
        """An executor on it, after the reaping. Blocks."""

    def close(self) -> None:
        """Let go of it."""


class OnDocker:
    """A Docker engine."""

    def __init__(self, open_engine: OpenEngine) -> None:
        self._engine = open_engine()

    def executor(self) -> ContainerExecutor:
        """One that opens containers."""
        from caseway.containers.executor import ContainerExecutor  # noqa: PLC0415 - loads the engine's library
        from caseway.containers.reaper import reap  # noqa: PLC0415 - too

        reap(self._engine)
        return ContainerExecutor(self._engine)

    def close(self) -> None:
        """Close its connections."""
        self._engine.close()


class OnCluster:
    """A Kubernetes cluster."""

    def __init__(self, open_cluster: OpenCluster) -> None:
        self._cluster = open_cluster()

    def executor(self) -> ContainerExecutor:
        """One that opens pods."""
        from caseway.containers.executor import ContainerExecutor  # noqa: PLC0415 - loads the engine's library
        from caseway.containers.kubernetes.pod import OpenPods  # noqa: PLC0415 - loads the cluster's library
        from caseway.containers.kubernetes.reaping import reap  # noqa: PLC0415 - too

        reap(self._cluster)
        return ContainerExecutor(OpenPods(self._cluster))

    def close(self) -> None:
        """Close its connections."""
        self._cluster.close()


class Lazily:
    """The executor of an engine that is opened with the first job; then, what a crash has left is reaped."""

    def __init__(self, open_backend: Callable[[], Backend]) -> None:
        self._open = open_backend
        self._backend: Backend | None = None
        self._executor: ContainerExecutor | None = None
        self._opening = asyncio.Lock()
        self._told: set[str] = set()

    async def execute(self, job: Job, ports: runner.Ports, /) -> runner.Outcome:
        """As the executor behind."""
        executor = await self._opened()
        return await executor.execute(job, ports)

    async def tend(self, platform: Platform, places: Places) -> None:
        """Have warm what shall be warm, and let go of what waits for a deployment that serves no more; an
        engine that is away is asked again the next time."""
        if self._executor is not None:
            waiting = self._executor.pool.deployments()
            self._executor.pool.dismiss(await asyncio.to_thread(serving_no_more, platform, waiting))
        wanted = await asyncio.to_thread(places.wanted)
        if wanted or self._executor is not None:
            with suppress(ContainerLost):
                self._tell({error.message for error in await (await self._opened()).tend(wanted)})

    def _tell(self, wrong: set[str]) -> None:
        """What went wrong, once for as long as it does."""
        for message in sorted(wrong - self._told):
            LOG.warning("a warm container is not ready: %s", message)
        self._told = wrong

    async def settle(self) -> None:
        """Return when no container of an earlier execution is being tidied up."""
        if self._executor is not None:
            await self._executor.settle()

    async def close(self) -> None:
        """Remove what is left, and let go of the engine."""
        if self._executor is not None:
            await self._executor.__aexit__(None, None, None)
        if self._backend is not None:
            self._backend.close()

    async def _opened(self) -> ContainerExecutor:
        async with self._opening:
            if self._executor is None:
                if self._backend is None:
                    self._backend = await asyncio.to_thread(self._open)
                self._executor = await asyncio.to_thread(self._backend.executor)
            return self._executor


@asynccontextmanager
async def contained(
    worker: Worker,
    open_engine: OpenEngine,
    policy: Callable[[], TaskPolicy] | None = None,
    open_cluster: OpenCluster | None = None,
    *,
    tend_seconds: float = TEND_SECONDS,
) -> AsyncIterator[None]:
    """While it lasts, the worker's executions run in containers where their deployments say so, as pods of a
    cluster if there is one, and their `run: container` tasks within `policy`. Every `tend_seconds` warm
    containers are looked after."""
    policy = policy or _cautious
    containers = Lazily(
        partial(OnDocker, open_engine) if open_cluster is None else partial(OnCluster, open_cluster)
    )
    places = Places(worker.platform, by_name=open_cluster is not None)
    worker.executor = PlacedExecutor(
        LocalExecutor(worker.program),
        containers,
        lambda job, ports: LazyTasks(job, open_engine, policy, ports.on_line),
    )
    worker.place = places
    tending = asyncio.create_task(_tend(containers, worker.platform, places, tend_seconds))
    try:
        yield
    finally:
        tending.cancel()
        await asyncio.gather(tending, return_exceptions=True)
        await containers.close()


def _cautious() -> TaskPolicy:
    from caseway.containers.tasks import TaskPolicy  # noqa: PLC0415 - loads the engine's library

    return TaskPolicy()


async def _tend(containers: Lazily, platform: Platform, places: Places, seconds: float) -> None:
    while True:
        try:
            await containers.tend(platform, places)
        except CasewayError as error:
            LOG.warning("warm containers were not looked after this time: %s", error.message)
        except Exception:
            LOG.exception("warm containers were not looked after this time")
        await asyncio.sleep(seconds)
