"""Wires `caseway run`: opens the file, gives it its ports, runs it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import caseway_runner as runner
from caseway.containers.job import Job
from caseway.model.errors import CasewayError
from caseway.worker.connections import services
from caseway.worker.container_tasks import LazyTasks
from caseway.worker.executors import Executor, LocalExecutor, PlacedExecutor
from caseway.worker.local import LocalWorkflow
from caseway.worker.masking import Masked
from caseway.worker.surroundings import check_workflow, open_workflow


@dataclass(frozen=True, slots=True)
class Contained:
    """That it runs in a container: of `image`, by default that of the use case's runtime."""

    image: str = ""
    network: str = "hosts"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the user asked to run. `processes` lets shell and script tasks run on this machine; `approvals`
    decides; `pins` are outputs that stand for tasks, `until` is the last task of a partial run."""

    file: Path
    input: Any
    params: Mapping[str, Any]
    secrets: Mapping[str, Any]
    processes: bool
    approvals: runner.Approvals | None = None
    pins: Mapping[str, Any] = field(default_factory=dict)
    until: str = ""
    contained: Contained | None = None


def run_file(request: RunRequest) -> runner.Outcome:
    """The outcome, every secret in it masked."""
    local = open_workflow(request.file).rendered(request.params)
    check_workflow(local)
    _refuse_unknown(local.document, request)
    masked = Masked(lambda name: request.secrets[name], request.secrets)
    ports = runner.Ports(
        secrets=masked,
        workflows=local.source,
        policy=runner.Policy(processes=request.processes),
        files=runner.folder_files(_home(request.file)),
        environment=services(local.document, local.declared, lambda name: masked(local.login(name))),
        approvals=request.approvals,
        pins=request.pins,
        until=request.until,
    )
    execution = runner.Execution(id=f"run-{uuid.uuid4().hex[:12]}")
    if request.contained is not None:
        return masked.outcome(_run_contained(request.contained, request, local, (execution, ports)))
    job = Job(local.document, request.input, execution)
    return masked.outcome(asyncio.run(_execute(LocalExecutor(runner.compile_workflow), job, ports)))


async def _execute(executor: Executor, job: Job, ports: runner.Ports) -> runner.Outcome:
    """Run the job; its `run: container` tasks go to the engine that DOCKER_HOST names."""
    from caseway.cli.engine import task_policy, the_engine

    both = PlacedExecutor(
        executor, executor, lambda job, ports: LazyTasks(job, the_engine, task_policy, ports.on_line)
    )
    return await both.execute(job, ports)


def _run_contained(
    asked: Contained,
    request: RunRequest,
    local: LocalWorkflow,
    who: tuple[runner.Execution, runner.Ports],
) -> runner.Outcome:
    """Run in a container of its own, on the engine that DOCKER_HOST names."""
    from caseway.cli.engine import open_engine
    from caseway.cli.runtime_images import image_for
    from caseway.containers.executor import ContainerExecutor
    from caseway.containers.job import Place
    from caseway.containers.shapes import sandbox_from

    execution, ports = who
    spec = local.use_case.get("spec") or {}
    said = {**(spec.get("container") or {}), "network": asked.network}
    with open_engine() as engine:
        image = asked.image or image_for(engine, request.file, str(spec.get("runtime") or "default"))
        place = Place(sandbox_from(image, "local", said, spec.get("resources") or {}))

        async def run() -> runner.Outcome:
            async with ContainerExecutor(engine) as executor:
                return await _execute(executor, Job(local.document, request.input, execution, place), ports)

        return asyncio.run(run())


def _refuse_unknown(document: Mapping[str, Any], request: RunRequest) -> None:
    known = runner.task_references(document)
    for reference in (request.until, *request.pins):
        if reference and reference not in known:
            raise CasewayError(
                f"the workflow has no task {reference!r}",
                code="no-such-task",
                place=str(request.file),
                hint=f"its tasks: {', '.join(known[:20])}{', …' if len(known) > 20 else ''}",
            )


def _home(file: Path) -> Path:
    """The folder that `file://` means: that of the use case, or of a workflow that stands alone."""
    folder = file.resolve().parent
    return folder.parent if (folder.parent / "usecase.yaml").is_file() else folder
