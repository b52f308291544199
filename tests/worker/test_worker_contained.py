"""A use case that asks for containers: built, deployed with a record of it, and run there by the worker."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from worker_world import carry

import caseway_runner as runner
from caseway.containers.builds import RuntimeSpec, build_runtime
from caseway.containers.engine import Engine
from caseway.containers.errors import ContainerFailed
from caseway.containers.executor import ContainerExecutor
from caseway.model.errors import CasewayError
from caseway.platform import executions
from caseway.platform.apply import apply
from caseway.platform.building import BuildRequest, BuiltImage
from caseway.platform.compose import open_platform
from caseway.platform.deployment_views import list_deployments
from caseway.platform.journal import JournalWriter
from caseway.platform.runtimes import (
    build,
    images_in_use,
    list_builds,
    list_runtimes,
    read_body,
    remove_builds,
)
from caseway.platform.snapshot import read_snapshot
from caseway.reconcile.plan import plan
from caseway.repo.read import read
from caseway.targets.registry import TARGETS
from caseway.worker.contained import Lazily, contained
from caseway.worker.places import Places, place_from
from caseway.worker.run import Worker, claim, run_claimed
from docker_daemon import docker_daemon, engine, own_containers, runtime_image  # noqa: F401 - fixtures

# What a container does is the same for every database, and takes its time.
pytestmark = pytest.mark.parametrize("platform", ["sqlite"], indirect=True)

LOOK = "do:\n  - look:\n      run: {shell: {command: 'id -u; cat /opt/caseway/python/hello.txt || true'}}\n"
SLOW = "do:\n  - rest:\n      run: {shell: {command: 'sleep 600'}}\n"
SPEC = "runtime: tools\nresources: {cpu: 1, memory: 256MB, disk: 32MB}\ncontainer: {network: none%s}\n"


@pytest.fixture
def platform(tmp_path):
    """An empty platform: where it keeps things makes no difference here."""
    with open_platform(f"sqlite:///{tmp_path / 'state.db'}", targets=TARGETS) as opened:
        yield opened


@pytest.fixture
def contained_project(project, runtime_image):  # noqa: F811 - the fixture
    """A project whose use case runs in a runtime of its own."""

    def write(workflow: str = LOOK, more: str = "", image: str = ""):
        root = project({"main": workflow}, spec=SPEC % more)
        (root / "runtimes").mkdir(exist_ok=True)
        head = "apiVersion: caseway/v1\nkind: Runtime\nmetadata: {name: tools}\n"
        (root / "runtimes" / "tools.yaml").write_text(f"{head}spec: {{image: '{image or runtime_image}'}}\n")
        return root

    return write


def building(platform, engine: Engine):  # noqa: F811 - the fixture
    """The platform, with a builder on the tests' engine."""

    def build(request: BuildRequest, log) -> BuiltImage:
        spec = RuntimeSpec(request.name, request.organization, request.body)
        made = build_runtime(engine, spec, log, is_fresh=request.is_fresh)
        return BuiltImage(made.image, made.image_id, made.size, made.inputs)

    return replace(platform, builder=build)


def start(platform) -> str:
    new = executions.NewExecution(organization="acme", instance="demo", workflow="main", input={})
    return executions.create(platform, new)


def run(platform, engine: Engine, execution_id: str) -> runner.Outcome:  # noqa: F811 - the fixture
    async def go() -> runner.Outcome:
        with JournalWriter(platform.database) as writer:
            worker = Worker(platform, writer)
            async with contained(worker, lambda: Engine(engine.address)):
                return await run_claimed(worker, claim(worker, execution_id))

    return asyncio.run(go())


def test_the_runtime_is_built_and_the_execution_runs_in_it(platform, engine, contained_project):  # noqa: F811
    built = building(platform, engine)
    carry(built, contained_project())
    (runtime,) = list_runtimes(platform, "acme")
    assert (runtime.name, runtime.status) == ("tools", "ready")
    (deployment,) = list_deployments(platform, "acme", "demo")
    record = deployment.result["container"]
    assert record["image"] == runtime.build.image
    assert record["imageId"] == runtime.build.image_id
    assert (record["memory"], record["network"]) == ("256MB", "none")
    outcome = run(platform, engine, start(platform))
    assert (outcome.status, outcome.output) == ("completed", "10001\n")
    assert own_containers(engine) == []


def test_a_runtime_is_not_built_twice(platform, engine, contained_project):  # noqa: F811
    built = building(platform, engine)
    root = contained_project()
    carry(built, root)
    desired = read(root).desired[0]
    assert plan(desired, read_snapshot(built, "acme")).actions == ()
    assert len(list_builds(platform, "acme", "tools")) == 1


def test_a_build_that_fails_is_recorded_and_nothing_of_it_is_deployed(platform, engine, contained_project):  # noqa: F811
    built = building(platform, engine)
    desired = read(contained_project(image="caseway/nowhere:1")).desired[0]
    report = apply(built, plan(desired, read_snapshot(built, "acme")), actor="test")
    assert {item.id: item.status for item in report.results}["build-runtime:tools"] == "failed"
    assert {item.id: item.status for item in report.results}["deploy-deployment:demo"] == "skipped"
    (build,) = list_builds(platform, "acme", "tools")
    assert (build.status, build.image) == ("failed", "")
    assert "registry" in build.error
    again = plan(desired, read_snapshot(built, "acme"))
    assert "build-runtime:tools" in [item.id for item in again.actions]


def test_without_an_engine_the_build_says_what_is_missing(platform, contained_project):
    desired = read(contained_project()).desired[0]
    report = apply(platform, plan(desired, read_snapshot(platform, "acme")), actor="test")
    (failed,) = [item for item in report.failed if item.id == "build-runtime:tools"]
    assert failed.error_code == "no-engine"


def test_a_runtime_in_use_is_not_removed(platform, engine, contained_project):  # noqa: F811
    carry(building(platform, engine), contained_project())
    with pytest.raises(CasewayError) as refused:
        remove_builds(platform, "acme", "tools", actor="me")
    assert refused.value.code == "runtime-in-use"
    assert "demo" in refused.value.message


def test_an_image_that_an_instance_is_deployed_with_is_in_use_though_a_newer_is_built(
    platform,
    engine,  # noqa: F811 - the fixture
    contained_project,
):
    carry(building(platform, engine), contained_project())
    record = list_deployments(platform, "acme", "demo")[0].result["container"]
    body = read_body(platform, "acme", "tools")
    newer = replace(
        platform, builder=lambda request, log: BuiltImage("caseway/acme-tools:new", "new", 1, "i")
    )
    build(newer, BuildRequest("acme", "tools", body, True), "d", actor="ann", log=lambda line: None)
    assert {"caseway/acme-tools:new", record["image"], record["imageId"]} <= images_in_use(platform)


def test_the_containers_of_a_deployment_are_called_as_its_record_says(
    platform,
    engine,  # noqa: F811 - the fixture
    contained_project,
):
    carry(building(platform, engine), contained_project(more=", warm: {mode: idle-shutdown}"))
    (deployment,) = list_deployments(platform, "acme", "demo")
    assert (deployment.result["namespace"], deployment.result["name"]) == ("acme", "demo")

    async def go() -> list[str]:
        with JournalWriter(platform.database) as writer:
            worker = Worker(platform, writer)
            async with contained(worker, lambda: Engine(engine.address)):
                await run_claimed(worker, claim(worker, start(platform)))
                await worker.executor.settle()
                return [item.name for item in await asyncio.to_thread(own_containers, engine)]

    (name,) = asyncio.run(go())
    assert name.startswith(deployment.result["container"]["containerName"] + "-")


def test_the_default_runtime_is_recorded_with_the_digest_that_it_had(platform, project):
    knowing = replace(platform, image_id=lambda name: f"sha256:of {name}")
    carry(knowing, project({"main": LOOK}, spec="container: {}"))
    (deployment,) = list_deployments(platform, "acme", "demo")
    record = deployment.result["container"]
    assert (record["image"], record["imageId"]) == (
        "caseway/runtime:default",
        "sha256:of caseway/runtime:default",
    )
    assert Places(platform)._called(record)["imageId"] == ""  # each engine has a default runtime of its own


def test_a_lost_container_s_execution_goes_on_elsewhere(platform, engine, contained_project):  # noqa: F811
    carry(building(platform, engine), contained_project(SLOW))
    execution_id = start(platform)

    async def go() -> runner.Outcome:
        with JournalWriter(platform.database) as writer:
            worker = Worker(platform, writer)
            async with contained(worker, lambda: Engine(engine.address)):
                work = asyncio.create_task(run_claimed(worker, claim(worker, execution_id)))
                marks, found = {"dev.caseway.execution": execution_id}, []
                while [item.status for item in found] != ["running"]:
                    await asyncio.sleep(0.05)
                    found = await asyncio.to_thread(engine.ours, marks)
                await asyncio.to_thread(engine.remove, found[0].id)
                return await work

    outcome = asyncio.run(go())
    view = executions.get_execution(platform, execution_id)
    assert (outcome.reason, view.status, view.reason) == ("lost", "pending", "lost")


def test_an_image_that_is_gone_faults_with_its_type(platform, engine, contained_project):  # noqa: F811
    carry(building(platform, engine), contained_project())
    execution_id = start(platform)
    container = {"image": "caseway/gone:1", "network": "none"}

    async def go() -> runner.Outcome:
        with JournalWriter(platform.database) as writer:
            worker = Worker(platform, writer)
            async with contained(worker, lambda: Engine(engine.address)):
                worker.place = lambda held: place_from("d", "acme", container)
                return await run_claimed(worker, claim(worker, execution_id))

    outcome = asyncio.run(go())
    assert (outcome.status, outcome.error.type) == ("faulted", "https://caseway.dev/errors/image-missing")
    assert executions.get_execution(platform, execution_id).status == "faulted"


def test_a_warm_deployment_uses_its_container_again(platform, engine, contained_project):  # noqa: F811
    carry(building(platform, engine), contained_project(more=", warm: {mode: idle-shutdown}"))

    async def go() -> tuple[list[str], set[str]]:
        ended, seen = [], set()
        with JournalWriter(platform.database) as writer:
            worker = Worker(platform, writer)
            async with contained(worker, lambda: Engine(engine.address)):
                for _ in range(3):
                    outcome = await run_claimed(worker, claim(worker, start(platform)))
                    ended.append(str(outcome.status))
                    await worker.executor.settle()
                    seen |= {item.id for item in await asyncio.to_thread(own_containers, engine)}
        return ended, seen

    ended, seen = asyncio.run(go())
    assert ended == ["completed"] * 3
    assert len(seen) == 1
    assert own_containers(engine) == []


def test_warm_containers_are_looked_after_again_after_something_went_wrong(
    platform,
    engine,  # noqa: F811 - the fixture
    contained_project,
    caplog,
):
    carry(building(platform, engine), contained_project(more=", warm: {mode: always-on}"))
    wrong = [ContainerFailed("it is full", code="container-refused"), OSError("no more files")]

    def opened() -> Engine:
        if wrong:
            raise wrong.pop(0)
        return Engine(engine.address)

    async def go() -> None:
        with JournalWriter(platform.database) as writer:
            async with contained(Worker(platform, writer), opened, tend_seconds=0.05):
                while not await asyncio.to_thread(own_containers, engine):
                    await asyncio.sleep(0.05)

    asyncio.run(asyncio.wait_for(go(), 120))
    told = [record.message for record in caplog.records if record.name == "caseway.worker"]
    assert told == [
        "warm containers were not looked after this time: it is full",
        "warm containers were not looked after this time",
    ]
    assert own_containers(engine) == []


def test_a_warm_container_that_does_not_get_ready_is_told_of_once_for_as_long_as_it_does_not(
    platform,
    engine,  # noqa: F811 - the fixture
    contained_project,
    caplog,
):
    carry(building(platform, engine), contained_project(more=", warm: {mode: always-on}"))
    rounds = [["full"], ["full"], [], ["full"], []]

    class Poor(ContainerExecutor):
        async def tend(self, wanted=()):
            return [ContainerFailed(text, code="container-refused") for text in rounds.pop(0)]

    class Backend:
        def executor(self):
            return Poor(engine)

        def close(self):
            pass

    async def go() -> None:
        containers = Lazily(Backend)
        places = Places(platform)
        while rounds:
            await containers.tend(platform, places)
        await containers.close()

    asyncio.run(go())
    told = [record.message for record in caplog.records if record.name == "caseway.worker"]
    assert told == ["a warm container is not ready: full"] * 2
