"""Executions on a cluster: what goes wrong there is a typed error, and nothing is left behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from containers_world import ENOUGH, SMALL, a_document, a_job, a_place, a_shell, begun

import caseway_runner as runner
from caseway.containers.errors import ContainerFailed, ContainerLost
from caseway.containers.executor import ContainerExecutor, Surroundings
from caseway.containers.kubernetes.pod import OpenPods
from caseway.containers.kubernetes.reaping import reap
from caseway.containers.owner import Owner, this_owner
from caseway.containers.warmth import Mode, Warmth
from kubernetes_cluster import Server, kubernetes_cluster  # noqa: F401 - a fixture

SLOW = a_document(a_shell("sleep 600"))
IMAGE = "caseway/runtime:default"


@pytest.fixture
def cluster(kubernetes_cluster: Server):  # noqa: F811 - the fixture
    """The module's cluster, as it is after every test: without a Job, and without troubles."""
    yield kubernetes_cluster
    kubernetes_cluster.statuses.clear()
    kubernetes_cluster.answers.clear()
    assert kubernetes_cluster.of_kind("Job") == []
    assert kubernetes_cluster.pods == {}


def run_job(cluster: Server, job: Any, **settings: Any) -> runner.Outcome:
    """Run one job in a pod of its own and see it removed."""

    async def run() -> runner.Outcome:
        async with ContainerExecutor(OpenPods(cluster.client(**settings))) as executor:
            return await executor.execute(job, runner.Ports())

    return asyncio.run(asyncio.wait_for(run(), ENOUGH))


def failure_of(cluster: Server, happens: Any, job: Any = None) -> Any:
    """The error of an execution to which something happens while it runs."""

    async def run() -> Any:
        async with ContainerExecutor(OpenPods(cluster.client())) as executor:
            work = await begun(executor, job or a_job(SLOW, a_place(IMAGE)))
            happens()
            with pytest.raises((ContainerLost, ContainerFailed)) as refused:
                await work
        return refused.value

    return asyncio.run(asyncio.wait_for(run(), 2 * ENOUGH))


def test_a_pod_that_used_too_much_memory_is_out_of_memory(cluster):
    killed = {"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
    error = failure_of(cluster, lambda: cluster.end(killed))
    assert (type(error), error.code) == (ContainerFailed, "out-of-memory")
    assert "256 MB" in error.message


def test_a_pod_that_a_node_evicts_for_want_of_room_is_lost(cluster):
    evicted = {"reason": "Evicted", "message": "The node was low on resource: memory."}
    error = failure_of(cluster, lambda: cluster.end(evicted))
    assert (type(error), error.code) == (ContainerLost, "container-lost")
    assert "low on resource" in error.message


def test_a_pod_that_filled_its_disk_is_out_of_disk(cluster):
    full = {"reason": "Evicted", "message": 'Usage of EmptyDir volume "scratch" exceeds the limit "32M".'}
    error = failure_of(cluster, lambda: cluster.end(full))
    assert (type(error), error.code) == (ContainerFailed, "out-of-disk")


def test_a_pod_that_outlived_its_deadline_is_out_of_time(cluster):
    late = {"reason": "DeadlineExceeded", "message": "Pod was active on the node longer than the deadline"}
    error = failure_of(cluster, lambda: cluster.end(late))
    assert (type(error), error.code) == (ContainerFailed, "out-of-time")


def test_a_pod_that_somebody_deletes_is_lost(cluster):
    error = failure_of(cluster, lambda: cluster.end(None))
    assert (type(error), error.code) == (ContainerLost, "container-lost")


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
def test_an_image_that_cannot_be_pulled_is_said_with_what_to_do(cluster, reason):
    state = {"waiting": {"reason": reason, "message": "manifest unknown"}}
    cluster.statuses["gone:1"] = {"phase": "Pending", "containerStatuses": [{"state": state}]}
    with pytest.raises(ContainerFailed) as refused:
        run_job(cluster, a_job(SLOW, a_place("gone:1")))
    assert refused.value.code == "image-missing"
    assert "CASEWAY_KUBERNETES_REGISTRY" in refused.value.hint


def test_an_image_without_python_is_a_broken_runner(cluster):
    state = {"waiting": {"reason": "RunContainerError", "message": 'exec: "python3": not found'}}
    cluster.statuses["bare:1"] = {"phase": "Pending", "containerStatuses": [{"state": state}]}
    with pytest.raises(ContainerFailed) as refused:
        run_job(cluster, a_job(SLOW, a_place("bare:1")))
    assert refused.value.code == "runner-broken"


def unscheduled(message: str) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"phase": "Pending", "conditions": [condition]}


def test_a_gpu_that_no_node_has_is_a_typed_error(cluster):
    cluster.statuses[IMAGE] = unscheduled("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.")
    place = a_place(IMAGE, resources=replace(SMALL, gpus=1))
    with pytest.raises(ContainerFailed) as refused:
        run_job(cluster, a_job(SLOW, place), start_seconds=0.2)
    assert refused.value.code == "gpu-unavailable"


def test_a_pod_for_which_there_is_no_room_is_lost_so_that_it_is_tried_again(cluster):
    cluster.statuses[IMAGE] = unscheduled("0/3 nodes are available: 3 Insufficient cpu.")
    with pytest.raises(ContainerLost) as refused:
        run_job(cluster, a_job(SLOW, a_place(IMAGE)), start_seconds=0.2)
    assert "Insufficient cpu" in refused.value.message


@pytest.mark.parametrize(
    ("status", "message", "kind", "code"),
    [
        (403, 'jobs.batch is forbidden: User "x" cannot create', ContainerFailed, "container-refused"),
        (403, "exceeded quota: compute, requested: limits.cpu=1", ContainerLost, "container-lost"),
        (401, "Unauthorized", ContainerLost, "engine-unreachable"),
        (429, "too many requests", ContainerLost, "engine-unreachable"),
        (503, "etcd is away", ContainerLost, "engine-unreachable"),
        (422, 'Job.batch "x" is invalid', ContainerFailed, "container-refused"),
    ],
)
def test_what_the_cluster_refuses_is_a_typed_error_in_its_words(cluster, status, message, kind, code):
    cluster.answers[("create", "jobs")] = (status, message)
    with pytest.raises(kind) as refused:
        run_job(cluster, a_job(SLOW, a_place(IMAGE)))
    assert refused.value.code == code
    assert message in refused.value.message


def test_a_worker_that_may_not_attach_is_told_which_right_it_lacks(cluster):
    cluster.answers[("get", "pods/attach")] = (403, "pods/attach is forbidden")
    with pytest.raises(ContainerFailed) as refused:
        run_job(cluster, a_job(SLOW, a_place(IMAGE)))
    assert "pods/attach" in refused.value.hint


def test_an_api_server_that_is_away_is_a_typed_error(cluster):
    nobody = cluster.client()
    nobody.configuration.host = "http://127.0.0.1:9"

    async def run() -> None:
        async with ContainerExecutor(OpenPods(nobody)) as executor:
            await executor.execute(a_job(SLOW, a_place(IMAGE)), runner.Ports())

    with pytest.raises(ContainerLost) as refused:
        asyncio.run(run())
    assert refused.value.code == "engine-unreachable"


def test_a_warm_pod_takes_execution_after_execution(cluster):
    place = a_place(IMAGE, warmth=Warmth(Mode.IDLE_SHUTDOWN))
    told = a_document(a_shell("echo hello"))

    async def run() -> list[int]:
        seen = []
        async with ContainerExecutor(OpenPods(cluster.client())) as executor:
            for number in range(3):
                await executor.execute(a_job(told, place, id=f"run-{number}"), runner.Ports())
                await executor.settle()
                seen.append(len(cluster.pods))
        return seen

    expected = [1, 1, 1] if cluster.node.isolates else [0, 0, 0]
    assert asyncio.run(run()) == expected


def test_a_cancelled_execution_ends_with_its_pod(cluster):
    async def run() -> runner.Outcome:
        ready = asyncio.Event()
        async with ContainerExecutor(OpenPods(cluster.client())) as executor:
            ports = runner.Ports(on_task=lambda record: ready.set())
            work = asyncio.create_task(executor.execute(a_job(SLOW, a_place(IMAGE)), ports))
            await ready.wait()
            work.cancel()
            return await work

    assert asyncio.run(run()).status == "cancelled"


def test_one_that_is_cancelled_while_its_pod_starts_leaves_no_job(cluster):
    cluster.statuses[IMAGE] = unscheduled("0/3 nodes are available")

    async def run() -> None:
        async with ContainerExecutor(OpenPods(cluster.client())) as executor:
            work = asyncio.create_task(executor.execute(a_job(SLOW, a_place(IMAGE)), runner.Ports()))
            while not cluster.of_kind("Job"):
                await asyncio.sleep(0.01)
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work

    asyncio.run(run())


def test_jobs_of_a_process_that_ended_are_reaped_and_others_are_not(cluster):
    mine = this_owner()
    gone = Owner(mine.machine, mine.pid, mine.started - 1)
    elsewhere = Owner("another/machine/1", 7, 7)

    async def run() -> tuple[str, ...]:
        client = cluster.client()
        kept = []
        for owner in (mine, gone, elsewhere):
            executor = ContainerExecutor(OpenPods(client), Surroundings(owner))
            place = a_place(IMAGE, warmth=Warmth(Mode.ALWAYS_ON))
            assert await executor.tend([place]) == []
            kept.append(executor)
        reaped = await asyncio.to_thread(reap, client)
        for executor in kept:
            await executor.__aexit__(None, None, None)
        return reaped

    (name,) = asyncio.run(run())
    assert name.startswith("caseway-local/caseway-local-deployment-1")


def test_a_network_policy_that_somebody_opened_is_set_right(cluster):
    run_job(cluster, a_job(a_document({"one": {"set": {}}}), a_place(IMAGE)))
    key = ("NetworkPolicy", "caseway-local", "caseway-default-deny")
    closed = cluster.objects[key]["spec"]
    cluster.objects[key] = {**cluster.objects[key], "spec": {**closed, "egress": [{}]}}
    run_job(cluster, a_job(a_document({"one": {"set": {}}}), a_place(IMAGE)))
    assert cluster.objects[key]["spec"] == closed


def test_organizations_run_in_namespaces_of_their_own(cluster):
    document = a_document({"one": {"set": {}}})
    for organization in ("acme", "Acme GmbH"):
        run_job(cluster, a_job(document, a_place(IMAGE, namespace=organization)))
    names = {item["metadata"]["name"] for item in cluster.of_kind("Namespace")}
    assert "caseway-acme" in names
    assert len([name for name in names if name.startswith("caseway-acme-gmbh-")]) == 1
