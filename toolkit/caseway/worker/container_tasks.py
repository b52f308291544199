"""Gives an execution an engine for its `run: container` tasks, when it has one to run.

Rule: the engine's library is loaded with the first such task; most executions have none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import caseway_runner as runner
from caseway.containers.job import Job

if TYPE_CHECKING:
    from caseway.containers.engine import Engine
    from caseway.containers.tasks import TaskContainers, TaskPolicy


class LazyTasks:
    """The `Containers` of one execution; `on_line` hears what they write, as it comes."""

    def __init__(
        self,
        job: Job,
        open_engine: Callable[[], Engine],
        policy: Callable[[], TaskPolicy],
        on_line: Callable[[runner.Line], None] | None = None,
    ) -> None:
        self._job, self._open, self._policy, self._on_line = job, open_engine, policy, on_line
        self._engine: Engine | None = None
        self._tasks: TaskContainers | None = None

    async def run(self, request: runner.ContainerRequest, /) -> runner.ContainerResult:
        """Run the container to its end. Raises `ContainerError`."""
        return await self._opened().run(request)

    async def close(self) -> None:
        """Remove what the execution has left."""
        if self._tasks is not None:
            await self._tasks.close()
        if self._engine is not None:
            self._engine.close()

    def _opened(self) -> TaskContainers:
        from caseway.containers.owner import this_owner  # noqa: PLC0415 - with the first task only
        from caseway.containers.tasks import TaskContainers, task_labels  # noqa: PLC0415 - loads the library

        if self._tasks is None:
            self._engine = self._open()
            place = self._job.place
            namespace = place.sandbox.namespace if place is not None else "local"
            labels = task_labels(this_owner().text, self._job.execution.id, namespace)
            self._tasks = TaskContainers(self._engine, self._policy(), labels, self._on_line)
        return self._tasks
