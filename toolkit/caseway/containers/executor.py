"""Runs executions in containers: a warm one of their deployment when there is one, else a new one.

Rule: a container is used by one execution at a time, and removed unless its runner says that it is clean."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Protocol

import caseway_runner as runner
from caseway.containers.container import GRACE_SECONDS, READY_SECONDS, Called, RunnerContainer, open_container
from caseway.containers.engine import Engine
from caseway.containers.errors import ContainerFailed
from caseway.containers.job import Job, Place
from caseway.containers.owner import LABEL, OURS, Owner, this_owner
from caseway.containers.sandbox import Capacity, Sandbox
from caseway.containers.warm import WarmPool
from caseway.model.errors import CasewayError


def _now() -> datetime:
    return datetime.now(UTC)


def _suffix() -> str:
    return secrets.token_hex(4)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an executor is given besides its engine: who it is, the time, names that are not taken, and the
    seconds that a runner may take to end an execution that is out of time."""

    owner: Owner = field(default_factory=this_owner)
    clock: Callable[[], datetime] = _now
    suffix: Callable[[], str] = _suffix
    grace: float = GRACE_SECONDS


class Opening(Protocol):
    """Opens a container of a sandbox, with a runner that is ready: on whatever engine it stands for. Raises
    `ContainerLost`, `ContainerFailed`."""

    async def __call__(self, sandbox: Sandbox, called: Called, grace: float, /) -> RunnerContainer: ...


class OnDocker:
    """Opens containers on a Docker engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._capacity: Capacity | None = None

    async def __call__(self, sandbox: Sandbox, called: Called, grace: float, /) -> RunnerContainer:
        """A container; what the engine's machine has is asked once."""
        if self._capacity is None:
            self._capacity = await asyncio.to_thread(self._engine.capacity)
        return await open_container(self._engine, sandbox, called, self._capacity, grace)


class ContainerExecutor:
    """An executor on one engine: a Docker engine, or what opens containers elsewhere. Use as an async context
    manager: leaving removes what is left."""

    def __init__(self, engine: Engine | Opening, surroundings: Surroundings | None = None) -> None:
        self._opening: Opening = OnDocker(engine) if isinstance(engine, Engine) else engine
        self._surroundings = surroundings or Surroundings()
        self._settling: set[asyncio.Task[None]] = set()
        self.pool = WarmPool(self._open_warm, self._close, self._surroundings.clock)

    async def __aenter__(self) -> ContainerExecutor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.settle()
        self.pool.drop()
        await self.settle()

    async def execute(self, job: Job, ports: runner.Ports, /) -> runner.Outcome:
        """Run the job in a container of its place. Raises `ContainerLost`, `ContainerFailed`, and what the
        ports raise; cancelled from outside it gives a `cancelled` outcome."""
        place = _place_of(job)
        container = self.pool.take(place)
        if container is None:
            seconds = ports.policy.limits.wall_seconds + self._surroundings.grace + READY_SECONDS
            container = await self._open(place, {"execution": job.execution.id}, seconds)
        try:
            outcome = await container.run(job, _inside(ports))
        except BaseException:
            self._close(container)
            raise
        self._later(self.pool.give(place, container))
        return outcome

    async def tend(self, wanted: Iterable[Place] = ()) -> list[CasewayError]:
        """Let warm containers go that nobody needs, and have those ready that `wanted` places ask for; what
        went wrong."""
        return await self.pool.tend(wanted)

    async def settle(self) -> None:
        """Return when every container that was let go of is removed, or waits."""
        while self._settling:
            await asyncio.gather(*self._settling, return_exceptions=True)

    async def _open_warm(self, place: Place) -> RunnerContainer:
        return await self._open(place, {})

    async def _open(self, place: Place, marks: dict[str, str], seconds: float = 0.0) -> RunnerContainer:
        called = self._called(place, marks, 0.0 if place.warmth.keeps_any else seconds)
        return await self._opening(place.sandbox, called, self._surroundings.grace)

    def _called(self, place: Place, marks: dict[str, str], seconds: float) -> Called:
        parts = (place.sandbox.namespace, place.deployment[:16], self._surroundings.suffix())
        marks = {
            "organization": place.sandbox.namespace,
            "deployment": place.deployment,
            "kind": "warm" if place.warmth.keeps_any else "execution",
            **marks,
        }
        labels = {f"dev.caseway.{name}": value for name, value in marks.items()}
        return Called(
            re.sub(r"[^a-zA-Z0-9_.-]+", "-", "-".join(["caseway", *filter(None, parts)])),
            {**OURS, LABEL: self._surroundings.owner.text, **labels},
            seconds,
        )

    def _close(self, container: RunnerContainer) -> None:
        """Remove the container without making anybody wait for it."""
        self._later(container.close())

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)


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
