"""Where executions run: in this process, or in containers; one protocol, so that nobody else needs to know.

Rule: an executor turns whatever the workflow does into an outcome; it raises only for what that cannot help
(a container that went away, a port that failed)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import caseway_runner as runner
from caseway.containers.errors import ContainerFailed
from caseway.containers.job import Job, Place
from caseway.platform.held import Claim

# The codes of errors that are the execution's own doing.
LIMITS = frozenset({"out-of-memory", "out-of-time", "out-of-disk"})
ERRORS = "https://caseway.dev/errors/"
SPEC_ERRORS = "https://serverlessworkflow.io/spec/1.0.0/errors/"
UNREACHABLE = "engine-unreachable"


class Executor(Protocol):
    """Runs a job to its end, or to where it sleeps. Cancelled from outside it gives a `cancelled` outcome,
    whose journal still resumes. Raises `ContainerLost` when it may go on elsewhere."""

    async def execute(self, job: Job, ports: runner.Ports, /) -> runner.Outcome: ...


class Tasks(runner.Containers, Protocol):
    """Where the `run: container` tasks of one execution run; `close` removes what they leave."""

    async def close(self) -> None: ...


class LocalExecutor:
    """The engine in this process. `program` gives the compiled workflow of a document."""

    def __init__(self, program: Callable[[Mapping[str, Any]], runner.Program]) -> None:
        self._program = program

    async def execute(self, job: Job, ports: runner.Ports, /) -> runner.Outcome:
        """Run it here."""
        try:
            program = self._program(job.document)
        except ValueError as error:
            return faulted(
                job.execution.id,
                SPEC_ERRORS + "configuration",
                "The workflow does not compile",
                str(error),
            )
        return await runner.execute(program, job.input, job.execution, ports)


class PlacedExecutor:
    """Jobs that have a place go to `containers`, others run here. What a container could not do is a fault of
    the execution, with the error's own type."""

    def __init__(
        self, here: Executor, containers: Executor, tasks: Callable[[Job, runner.Ports], Tasks] | None = None
    ) -> None:
        self._here, self._containers, self._tasks = here, containers, tasks

    async def settle(self) -> None:
        """Return when what earlier jobs have left is tidied up."""
        settle = getattr(self._containers, "settle", None)
        if settle is not None:
            await settle()

    async def execute(self, job: Job, ports: runner.Ports, /) -> runner.Outcome:
        """Run it where it belongs; `tasks` gives the engine of its `run: container` tasks."""
        if self._tasks is None or ports.containers is not None:
            return await self._placed(job, ports)
        tasks = self._tasks(job, ports)
        try:
            return await self._placed(job, replace(ports, containers=tasks))
        finally:
            await tasks.close()

    async def _placed(self, job: Job, ports: runner.Ports) -> runner.Outcome:
        if job.place is None:
            return await self._here.execute(job, ports)
        try:
            return await self._containers.execute(job, ports)
        except ContainerFailed as error:
            title = error.code.replace("-", " ").capitalize()
            detail = f"{error.message}; {error.hint}" if error.hint else error.message
            ended = faulted(job.execution.id, ERRORS + error.code, title, detail, status=500)
            return ended if error.code not in LIMITS else _limited(ended)


def here(_held: Claim, /) -> Place | None:
    """Every execution in this process."""
    return None


def faulted(execution_id: str, kind: str, title: str, detail: str, *, status: int = 400) -> runner.Outcome:
    """The outcome of an execution that could not run."""
    error = runner.WorkflowError(type=kind, status=status, title=title, detail=detail[:2000])
    return runner.Outcome(id=execution_id, status=runner.Status.FAULTED, error=error)


def _limited(outcome: runner.Outcome) -> runner.Outcome:
    return runner.Outcome(outcome.id, outcome.status, error=outcome.error, reason="limit")
