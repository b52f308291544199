"""Opens a pod with a runner in it: asked for, waited for, attached to, ready.

Rule: what does not come to be ready is removed again."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass

from caseway.containers.container import READY_SECONDS, Called, RunnerContainer
from caseway.containers.conversation import STOP_SECONDS, Conversation
from caseway.containers.engine import State
from caseway.containers.errors import ContainerLost, lost
from caseway.containers.kubernetes.cluster import Cluster
from caseway.containers.kubernetes.manifests import Asked
from caseway.containers.kubernetes.names import dns_label
from caseway.containers.kubernetes.readings import Pod, hindrance, is_started, state_in, unscheduled
from caseway.containers.kubernetes.stream import attach
from caseway.containers.sandbox import Sandbox
from caseway.model.errors import CasewayError

_BEGIN = b"\n"
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.1, 2.0, 1.5
# A name that the cluster has room to lengthen: pods and their host names are called after their Job.
_NAME = 52


@dataclass(frozen=True, slots=True)
class Settled:
    """Says how a pod stands once the cluster knows: its pipes end before its status says why."""

    cluster: Cluster
    seconds: float = 5.0

    def state(self, container: str) -> State:
        """As the cluster's, of a pod that has ended, unless it goes on running. Blocks."""
        pause, waited = _FIRST_PAUSE, 0.0
        while (state := self.cluster.state(container)).is_running and waited < self.seconds:
            time.sleep(pause)
            waited, pause = waited + pause, pause * _GROWTH
        return state

    def remove(self, container: str) -> None:
        """As the cluster's."""
        self.cluster.remove(container)


@dataclass(frozen=True, slots=True)
class OpenPods:
    """How an executor opens containers on a cluster."""

    cluster: Cluster

    async def __call__(self, sandbox: Sandbox, called: Called, grace: float, /) -> RunnerContainer:
        """A pod whose runner is ready. Raises `ContainerLost`, `ContainerFailed`."""
        space = await asyncio.to_thread(self.cluster.prepare, sandbox.namespace)
        asked = Asked(dns_label(called.name, _NAME), space, sandbox, called.labels, self._seconds(called))
        job = await self._created(asked)
        try:
            return await self._attached(job, sandbox, grace)
        except BaseException:
            with suppress(CasewayError):
                await asyncio.shield(asyncio.to_thread(self.cluster.remove, job))
            raise

    def _seconds(self, called: Called) -> float:
        """How long it may live, and wait for a node before."""
        return called.seconds and called.seconds + self.cluster.settings.start_seconds

    async def _created(self, asked: Asked) -> str:
        """The new Job. When nobody waits for it any more it is removed as soon as it is there."""
        making = asyncio.ensure_future(asyncio.to_thread(self.cluster.create, asked))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            with suppress(CasewayError):
                await asyncio.to_thread(self.cluster.remove, await making)
            raise

    async def _attached(self, job: str, sandbox: Sandbox, grace: float) -> RunnerContainer:
        keeper = Settled(self.cluster)
        pod = await self._started(job, sandbox.image)
        try:
            pipes = await attach(self.cluster.configuration, job, str(pod["metadata"]["name"]))
        except ContainerLost as error:
            state = await asyncio.to_thread(keeper.state, job)
            raise lost(job, f"it ended with code {state.exit_code}: {state.error}") from error
        talk = Conversation(pipes, min(grace, STOP_SECONDS))
        opened = RunnerContainer(job, keeper, sandbox, pipes, talk, grace)
        try:
            await pipes.send(_BEGIN)
            await talk.begin(READY_SECONDS)
        except ContainerLost as error:
            reason = await opened.reason(error)
            await pipes.close()
            raise reason from error
        except BaseException:
            await pipes.close()
            raise
        return opened

    async def _started(self, job: str, image: str) -> Pod:
        """The Job's pod, once its container runs."""
        pause, waited, seconds = _FIRST_PAUSE, 0.0, self.cluster.settings.start_seconds
        while True:
            pod = await asyncio.to_thread(self.cluster.pod, job)
            if pod is not None:
                if is_started(pod):
                    return pod
                if (wrong := hindrance(pod, image)) is not None:
                    raise wrong
                state_in(pod)  # raises when it was taken away before it ran
            if waited >= seconds:
                raise unscheduled(pod or {"metadata": {"name": job}}, seconds)
            await asyncio.sleep(pause)
            waited, pause = waited + pause, min(pause * _GROWTH, _LONGEST_PAUSE)
