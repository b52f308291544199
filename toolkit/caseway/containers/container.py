"""One container with a runner in it: made, spoken to, removed.

Rule: whoever opens one closes it; closing removes it, whatever became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import caseway_runner as runner
from caseway.containers.attach import attach
from caseway.containers.conversation import STOP_SECONDS, Conversation
from caseway.containers.engine import Engine
from caseway.containers.errors import ContainerFailed, ContainerLost, lost, out_of_memory, overdue
from caseway.containers.job import Job
from caseway.containers.pipes import Keeper, Pipes
from caseway.containers.sandbox import Capacity, Network, Sandbox, hardened
from caseway.model.errors import CasewayError

# `-S`: the runner brings what it needs, and takes nothing of what the image has installed for its scripts.
COMMAND = ("python3", "-I", "-S", "-B", "/opt/caseway/runner/start.py")
READY_SECONDS = 60.0
_CLEAN_SECONDS = 10.0
GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Called:
    """What a container is called, and how many seconds it may live (0: until it is let go of)."""

    name: str
    labels: Mapping[str, str]
    seconds: float = 0.0


@dataclass(slots=True)
class RunnerContainer:
    """A container whose runner takes one execution after the other."""

    id: str
    engine: Keeper
    sandbox: Sandbox
    attached: Pipes
    conversation: Conversation
    grace: float = GRACE_SECONDS

    async def run(self, job: Job, ports: runner.Ports) -> runner.Outcome:
        """Run the job. Raises what its ports raise, `ContainerLost`, `ContainerFailed`."""
        try:
            # The runner keeps the time itself; this is for one that was stopped, or worse.
            async with asyncio.timeout(ports.policy.limits.wall_seconds + self.grace) as wall:
                return await self.conversation.run(job, ports)
        except TimeoutError:
            if not wall.expired():
                raise
            raise overdue(self.name, ports.policy.limits.wall_seconds) from None
        except ContainerLost as error:
            raise await self.reason(error) from error

    @property
    def name(self) -> str:
        """As people are told: a cluster's name, or the first digits of an engine's id."""
        return self.id if "/" in self.id else self.id[:12]

    @property
    def is_ended(self) -> bool:
        """Whether its runner is known to be gone."""
        return self.attached.is_ended

    async def is_reusable(self) -> bool:
        """Whether nothing is left of what ran last."""
        return await self.conversation.is_clean(_CLEAN_SECONDS)

    async def close(self) -> None:
        """Remove it."""
        await self.attached.close()
        await asyncio.to_thread(self.engine.remove, self.id)

    async def reason(self, error: ContainerLost) -> CasewayError:
        """Why it went away, as far as the engine knows."""
        try:
            state = await asyncio.to_thread(self.engine.state, self.id)
        except ContainerLost as unknown:
            return unknown
        if state.was_killed_for_memory:
            return out_of_memory(self.name, self.sandbox.resources.memory_bytes)
        if not state.is_running and state.exit_code not in {0, 137, 143}:
            return ContainerFailed(
                f"the runner ended with code {state.exit_code}: {self.attached.complaints or state.error}",
                code="runner-broken",
                place=self.sandbox.image,
                hint="build the runtime anew with 'caseway runtime rebuild'",
            )
        return lost(self.name, error.message.partition(": ")[2] or f"it ended with code {state.exit_code}")


async def open_container(
    engine: Engine, sandbox: Sandbox, called: Called, capacity: Capacity, grace: float = GRACE_SECONDS
) -> RunnerContainer:
    """A running container whose runner is ready. Raises `ContainerLost`, `ContainerFailed`."""
    made = await _created(engine, sandbox, _settings(sandbox, called, capacity))
    try:
        attached = await attach(engine.address, made)
    except BaseException:
        await asyncio.to_thread(engine.remove, made)
        raise
    opened = RunnerContainer(
        made, engine, sandbox, attached, Conversation(attached, min(grace, STOP_SECONDS)), grace
    )
    try:
        await asyncio.to_thread(engine.start, made, place=sandbox.image)
        await opened.conversation.begin(READY_SECONDS)
    except ContainerLost as error:
        reason = await opened.reason(error)
        await opened.close()
        raise reason from error
    except BaseException:
        await opened.close()
        raise
    return opened


async def _created(engine: Engine, sandbox: Sandbox, settings: dict[str, Any]) -> str:
    """The id of a new container. When nobody waits for it any more it is removed as soon as it is there."""
    making = asyncio.ensure_future(asyncio.to_thread(engine.create, sandbox.image, COMMAND, settings))
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        with suppress(CasewayError):
            await asyncio.to_thread(engine.remove, await making)
        raise


def _settings(sandbox: Sandbox, called: Called, capacity: Capacity) -> dict[str, Any]:
    network = "bridge" if sandbox.network is Network.BRIDGE else "none"
    return {
        **hardened(sandbox.resources, capacity),
        "name": called.name,
        "labels": dict(called.labels),
        "user": sandbox.user,
        "network_mode": network,
        "working_dir": "/tmp",  # noqa: S108 - the container's own scratch folder
        "environment": {"HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8"},  # noqa: S108 - as above
        "entrypoint": [],
        "stdin_open": True,
        "tty": False,
        # Not detached: then its input ends when we do, and with it the runner.
        "detach": False,
    }
