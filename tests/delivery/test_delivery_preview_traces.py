"""What ran in a preview leaves no trace on the platform, and no container on the engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import caseway_runner as runner
from caseway.containers.builds import RuntimeSpec, build_runtime
from caseway.containers.engine import Engine
from caseway.delivery.preview import ChangeRequest, preview_down, preview_request, preview_up
from caseway.model.access import local
from caseway.model.desired import Desired
from caseway.operations.local_client import LocalClient
from caseway.platform import inbox
from caseway.platform.building import BuildRequest, BuiltImage
from caseway.platform.compose import Platform
from caseway.platform.creation import NewExecution, create
from caseway.platform.deployment_views import list_deployments
from caseway.platform.journal import JournalWriter
from caseway.platform.tables import metadata
from caseway.platform.triggers.doors import Rate
from caseway.platform.triggers.rates import Rates
from caseway.platform.views import get_instance
from caseway.repo.read import read
from caseway.worker.contained import contained
from caseway.worker.housekeeping import fold_all
from caseway.worker.run import Worker, claim, run_claimed
from chaos.store_builders import a_platform, deployed
from delivery.git_world import a_clone, commit
from delivery.watched import PROJECT, USE_CASE
from docker_daemon import docker_daemon, engine, own_containers, own_volumes, runtime_image

__all__ = ["docker_daemon", "engine", "runtime_image"]

BUSY = """\
document: {dsl: 1.0.0, namespace: acme, name: busy, version: 1.0.0}
do:
  - say: {run: {shell: {command: echo SOME}}}
  - tell: {emit: {event: {with: {source: https://acme.test, type: done, data: {}}}}}
  - keep: {set: {text: '${ "SOME" * 2000 }'}}
"""
SHELL = """\
document: {dsl: 1.0.0, namespace: acme, name: busy, version: 1.0.0}
do:
  - say: {run: {shell: {command: 'COMMAND'}}}
"""
CONTAINED = "  runtime: tools\n  resources: {cpu: 1, memory: 256MB, disk: 32MB}\n"
COUNTED_ELSEWHERE = {"audit", "store", "leases"}
ENOUGH = 120.0  # seconds after which something hangs


def rows(platform: Platform) -> dict[str, int]:
    """How many rows each table has."""
    with platform.database.reading() as connection:
        return {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in metadata.sorted_tables
            if table.name not in COUNTED_ELSEWHERE
        }


def a_project(root: Path, workflow: str, more: str = "") -> Path:
    """A committed project with the use case `busy`."""
    folder = root / "use-cases" / "busy"
    (folder / "workflows").mkdir(parents=True)
    (root / "caseway.yaml").write_text(PROJECT)
    (folder / "usecase.yaml").write_text(USE_CASE.replace("NAME", "busy") + more)
    (folder / "workflows" / "main.yaml").write_text(workflow)
    return root


def change(root: Path, before: str, after: str) -> None:
    file = root / "use-cases/busy/workflows/main.yaml"
    file.write_text(file.read_text().replace(before, after))


def preview(client: LocalClient, root: Path) -> dict[str, Any]:
    """The preview of what is not committed yet."""
    return preview_up(client, preview_request(ChangeRequest(root, "pr-7", base="HEAD")))


def started(platform: Platform, instance: str) -> str:
    return create(platform, NewExecution("acme", instance, "main", actor="ann"))


@pytest.fixture
def opened(database_url: str) -> Iterator[Platform]:
    with a_platform(database_url, artifact_bytes=1000) as made:
        yield made


def test_what_executions_of_a_preview_left_goes_with_it(opened: Platform, tmp_path: Path) -> None:
    root = a_project(a_clone(tmp_path / "work", "nowhere"), BUSY)
    commit(root)
    deployed(opened, read(root).desired[0])
    with JournalWriter(opened.database) as writer:
        worker = Worker(opened, writer, runner.Policy(processes=True))

        def run(instance: str) -> None:
            done = asyncio.run(run_claimed(worker, claim(worker, started(opened, instance))))
            assert done.status is runner.Status.COMPLETED, done.error
            fold_all(opened)

        run("busy")
        client = LocalClient(opened, local("acme", "ci"))
        before = rows(opened)
        assert {"log_lines", "events", "artifacts", "spans"} <= {
            name for name, count in before.items() if count
        }
        change(root, "SOME", "OTHER")
        assert preview(client, root)["status"] == "ready"
        run("busy--pr-7")
    mine = get_instance(opened, "acme", "busy--pr-7").id
    assert Rates(opened).take(f"{mine}:main:web", Rate(1, 60.0, 1, False)) == 0
    during = rows(opened)
    grown = {"log_lines", "events", "artifacts", "spans", "metric_points", "rate_limits", "tasks"}
    assert grown <= {name for name in during if during[name] > before[name]}

    preview_down(client, "acme", "pr-7")

    assert rows(opened) == before


def test_an_artifact_that_others_use_too_stays(opened: Platform, tmp_path: Path) -> None:
    root = a_project(a_clone(tmp_path / "work", "nowhere"), BUSY)
    commit(root)
    deployed(opened, read(root).desired[0])
    client = LocalClient(opened, local("acme", "ci"))
    change(root, "echo SOME", "echo OTHER")  # its large value is the same
    preview(client, root)
    with JournalWriter(opened.database) as writer:
        worker = Worker(opened, writer, runner.Policy(processes=True))
        for instance in ("busy", "busy--pr-7"):
            asyncio.run(run_claimed(worker, claim(worker, started(opened, instance))))
    kept = rows(opened)["artifacts"]
    preview_down(client, "acme", "pr-7")
    assert rows(opened)["artifacts"] == kept > 0


def test_events_of_the_organization_outlive_a_preview(opened: Platform, tmp_path: Path) -> None:
    root = a_project(a_clone(tmp_path / "work", "nowhere"), BUSY)
    commit(root)
    deployed(opened, read(root).desired[0])
    client = LocalClient(opened, local("acme", "ci"))
    change(root, "SOME", "OTHER")
    preview(client, root)
    inbox.deliver(opened, "acme", {"id": "1", "source": "shop", "type": "order"}, actor="ann")
    preview_down(client, "acme", "pr-7")
    assert rows(opened)["events"] == 1


# Containers: engines of busy machines take their time

SLOW = pytest.mark.timeout(600)


@pytest.fixture
def building(opened: Platform, engine: Engine) -> Platform:
    """The platform with a builder on the tests' engine."""

    def build(request: BuildRequest, log: Callable[[str], None]) -> BuiltImage:
        made = build_runtime(engine, RuntimeSpec(request.name, request.organization, request.body), log)
        return BuiltImage(made.image, made.image_id, made.size, made.inputs)

    return replace(opened, builder=build)


def contained_project(root: Path, image: str, warm: str, command: str) -> Desired:
    more = f"{CONTAINED}  container: {{network: none, warm: {{mode: {warm}}}}}\n"
    a_project(root, SHELL.replace("COMMAND", command), more)
    (root / "runtimes").mkdir()
    head = "apiVersion: caseway/v1\nkind: Runtime\nmetadata: {name: tools}\n"
    (root / "runtimes/tools.yaml").write_text(f"{head}spec: {{image: '{image}'}}\n")
    commit(root)
    return read(root).desired[0]


async def until(is_so: Callable[[], bool]) -> bool:
    """Whether it came to be so."""
    end = time.monotonic() + ENOUGH
    while time.monotonic() < end:
        if await asyncio.to_thread(is_so):
            return True
        await asyncio.sleep(0.05)
    return False


@SLOW
@pytest.mark.parametrize("warm", ["always-on", "idle-shutdown"])
def test_no_container_of_a_preview_waits_when_it_is_gone(
    building: Platform,
    engine: Engine,
    runtime_image: str,
    tmp_path: Path,
    warm: str,
) -> None:
    root = a_clone(tmp_path / "work", "nowhere")
    deployed(building, contained_project(root, runtime_image, warm, "echo one"))
    change(root, "echo one", "echo two")
    client = LocalClient(building, local("acme", "ci"))
    before = rows(building)

    async def live() -> None:
        with JournalWriter(building.database) as writer:
            worker = Worker(building, writer)
            async with contained(worker, lambda: Engine(engine.address), tend_seconds=0.1):
                preview(client, root)
                done = await run_claimed(worker, claim(worker, started(building, "busy--pr-7")))
                assert done.status is runner.Status.COMPLETED, done.error
                mine = _of(engine, building, "busy--pr-7")
                assert await until(lambda: len(mine()) == 1)
                await asyncio.to_thread(preview_down, client, "acme", "pr-7")
                assert await until(lambda: mine() == [])

    asyncio.run(live())
    assert own_containers(engine) == []
    assert own_volumes(engine) == []
    assert rows(building) == before


@SLOW
def test_an_execution_under_way_ends_with_its_preview(
    building: Platform,
    engine: Engine,
    runtime_image: str,
    tmp_path: Path,
) -> None:
    root = a_clone(tmp_path / "work", "nowhere")
    deployed(building, contained_project(root, runtime_image, "on-demand", "echo one"))
    change(root, "echo one", "sleep 500")
    client = LocalClient(building, local("acme", "ci"))
    before = rows(building)
    preview(client, root)

    async def live() -> None:
        with JournalWriter(building.database) as writer:
            worker = Worker(building, writer)
            async with contained(worker, lambda: Engine(engine.address)):
                held = claim(worker, started(building, "busy--pr-7"))
                work = asyncio.create_task(run_claimed(worker, held))
                mine = _of(engine, building, "busy--pr-7")
                assert await until(lambda: [item.status for item in mine()] == ["running"])
                await asyncio.to_thread(preview_down, client, "acme", "pr-7")
                assert await until(lambda: mine() == [])
                await asyncio.gather(work, return_exceptions=True)

    asyncio.run(live())
    assert own_containers(engine) == []
    assert rows(building) == before


def _of(engine: Engine, platform: Platform, instance: str) -> Callable[[], list[Any]]:
    """Asks for the containers of what serves the instance now."""
    [deployment] = [item.id for item in list_deployments(platform, "acme", instance)]
    return lambda: [
        item for item in own_containers(engine) if item.labels.get("dev.caseway.deployment") == deployment
    ]
