"""A use case that asks for containers, on a platform whose workers have a cluster and no engine."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from worker_world import carry

import caseway_runner as runner
from caseway.cli.cluster_images import image_for_cluster
from caseway.platform import executions
from caseway.platform.compose import open_platform
from caseway.platform.deployment_views import list_deployments
from caseway.platform.journal import JournalWriter
from caseway.targets.registry import TARGETS
from caseway.worker.contained import contained
from caseway.worker.run import Worker, claim, run_claimed
from kubernetes_cluster import Server, kubernetes_cluster  # noqa: F401 - a fixture

IMAGE = "registry.example.com/acme/tools@sha256:" + "0" * 64
SPEC = "runtime: tools\nresources: {cpu: 1, memory: 256MB, disk: 32MB}\ncontainer: {network: none%s}\n"
# The tests' pods are processes: they see this machine's folders.
STEPS = """do:
  - first: {run: {shell: {command: 'echo first >>%(folder)s/steps'}}}
  - second: {run: {shell: {command: 'echo second >>%(folder)s/steps; test -e %(folder)s/quick || sleep 600'}}}
"""
QUICK = "do:\n  - one: {run: {shell: {command: 'echo hello'}}}\n"


def no_engine():
    raise AssertionError("there is no engine")


@pytest.fixture
def platform(tmp_path):
    """An empty platform that takes images for a cluster."""

    def build(request, log):
        return image_for_cluster(request, no_engine, log)

    with open_platform(f"sqlite:///{tmp_path / 'state.db'}", targets=TARGETS) as opened:
        yield replace(opened, builder=build)


@pytest.fixture
def cluster(kubernetes_cluster: Server):  # noqa: F811 - the fixture
    """The module's cluster, which has no Job after a test."""
    yield kubernetes_cluster
    kubernetes_cluster.answers.clear()
    kubernetes_cluster.on_job = lambda job: None
    assert kubernetes_cluster.of_kind("Job") == []


@pytest.fixture
def folder():
    """A folder that pods see, which have a /tmp of their own."""
    with tempfile.TemporaryDirectory(prefix="caseway-steps-", dir="/var/tmp") as name:
        yield Path(name)


def a_project(project, workflow: str, more: str = ""):
    root = project({"main": workflow}, spec=SPEC % more)
    (root / "runtimes").mkdir(exist_ok=True)
    document = {"apiVersion": "caseway/v1", "kind": "Runtime", "metadata": {"name": "tools"}}
    (root / "runtimes" / "tools.yaml").write_text(yaml.safe_dump({**document, "spec": {"image": IMAGE}}))
    return root


def start(platform) -> str:
    new = executions.NewExecution(organization="acme", instance="demo", workflow="main", input={})
    return executions.create(platform, new)


@asynccontextmanager
async def working(platform, cluster: Server):
    """A worker that has a cluster."""
    with JournalWriter(platform.database) as writer:
        worker = Worker(platform, writer)
        async with contained(worker, no_engine, open_cluster=cluster.client):
            yield worker


async def run(platform, cluster: Server, execution_id: str) -> runner.Outcome:
    """Run it as such a worker does."""
    async with working(platform, cluster) as worker:
        return await asyncio.wait_for(run_claimed(worker, claim(worker, execution_id)), 120)


def test_it_runs_in_a_pod_of_its_image_in_the_namespace_of_its_organization(platform, cluster, project):
    carry(platform, a_project(project, QUICK))
    (deployment,) = list_deployments(platform, "acme", "demo")
    assert deployment.result["container"]["image"] == IMAGE
    told = []
    cluster.on_job = told.append
    outcome = asyncio.run(run(platform, cluster, start(platform)))
    assert (outcome.status, outcome.output) == ("completed", "hello\n")
    (job,) = told
    assert job["metadata"]["namespace"] == "caseway-acme"
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == IMAGE


def test_one_whose_pod_is_lost_goes_on_from_its_journal_in_another(platform, cluster, project, folder):
    carry(platform, a_project(project, STEPS % {"folder": folder}))
    execution = start(platform)

    async def lost() -> runner.Outcome:
        async with working(platform, cluster) as worker:
            work = asyncio.create_task(run_claimed(worker, claim(worker, execution)))
            while not (folder / "steps").exists() or "second" not in (folder / "steps").read_text():
                await asyncio.sleep(0.02)
            cluster.end(None)
            return await asyncio.wait_for(work, 120)

    outcome = asyncio.run(lost())
    view = executions.get_execution(platform, execution)
    assert (outcome.reason, view.status, view.reason) == ("lost", "pending", "lost")
    (folder / "quick").touch()
    assert asyncio.run(run(platform, cluster, execution)).status == "completed"
    assert (folder / "steps").read_text().split() == ["first", "second", "second"]


def test_a_warm_deployment_uses_its_pod_again(platform, cluster, project):
    if not cluster.node.isolates:
        pytest.skip("a process here cannot be cleaned as a pod is")
    carry(platform, a_project(project, QUICK, ", warm: {mode: idle-shutdown}"))

    async def go() -> set[str]:
        seen: set[str] = set()
        async with working(platform, cluster) as worker:
            for _ in range(3):
                outcome = await asyncio.wait_for(run_claimed(worker, claim(worker, start(platform))), 120)
                assert outcome.status == "completed"
                await worker.executor.settle()
                seen |= {job["metadata"]["name"] for job in cluster.of_kind("Job")}
        return seen

    assert len(asyncio.run(go())) == 1


def test_a_cluster_that_is_away_leaves_the_execution_pending(platform, cluster, project):
    carry(platform, a_project(project, QUICK))
    execution = start(platform)
    cluster.answers[("create", "jobs")] = (503, "etcd is away")
    assert asyncio.run(run(platform, cluster, execution)).reason == "lost"
    assert executions.get_execution(platform, execution).status == "pending"
    cluster.answers.clear()
    outcome = asyncio.run(run(platform, cluster, execution))
    assert (outcome.status, outcome.output) == ("completed", "hello\n")
