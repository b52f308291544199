"""The worker's rights on a cluster are those that its executor needs, and no others."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

import pytest
from deploy_world import named

import caseway_runner as runner
from caseway.containers.executor import ContainerExecutor, Surroundings
from caseway.containers.job import Job, Place
from caseway.containers.kubernetes import manifests
from caseway.containers.kubernetes.pod import OpenPods
from caseway.containers.kubernetes.reaping import reap
from caseway.containers.owner import Owner, this_owner
from caseway.containers.sandbox import MB, Network, Resources, Sandbox
from caseway.containers.warmth import Mode, Warmth
from kubernetes_cluster import Server, kubernetes_cluster  # noqa: F401 - a fixture

SANDBOX = Sandbox("caseway/runtime:default", Resources(1.0, 256 * MB, 32 * MB), Network.NONE)
# Asked for by clusters from 1.35 on in place of `get`; the tests' cluster asks as older ones do.
NEWER = {("create", "", "pods/attach")}


def granted() -> frozenset[tuple[str, str, str]]:
    """What the role says, one by one."""
    return frozenset(
        (verb, group, resource)
        for rule in named("ClusterRole", "caseway-worker")["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )


def a_job(place: Place, id: str) -> Job:
    document = {
        "document": {"dsl": "1.0.3", "namespace": "tests", "name": "main", "version": "1.0.0"},
        "do": [{"one": {"set": {"done": True}}}],
    }
    return Job(document, None, runner.Execution(id), place)


async def everything(cluster: Server) -> list[str]:
    """All that a worker does with a cluster: cold and warm executions, walls set right, reaping."""
    client = cluster.client()
    gone = Owner(this_owner().machine, this_owner().pid, this_owner().started - 1)
    left = ContainerExecutor(OpenPods(client), Surroundings(gone))
    assert await left.tend([Place(SANDBOX, "left", Warmth(Mode.ALWAYS_ON))]) == []
    key = ("NetworkPolicy", "caseway-local", "caseway-default-deny")
    cluster.objects[key] = {**cluster.objects[key], "spec": {"podSelector": {}}}
    fresh = cluster.client()
    assert len(await asyncio.to_thread(reap, fresh)) == 1
    told = []
    async with ContainerExecutor(OpenPods(fresh)) as executor:
        for warmth in (Warmth(), Warmth(Mode.IDLE_SHUTDOWN)):
            outcome = await executor.execute(a_job(Place(SANDBOX, "d", warmth), "run-1"), runner.Ports())
            told.append(outcome.status)
    await left.__aexit__(None, None, None)
    return told


def test_a_worker_gets_along_with_its_rights_and_needs_each_of_them(kubernetes_cluster):  # noqa: F811
    cluster = kubernetes_cluster
    cluster.rights = granted()
    assert asyncio.run(asyncio.wait_for(everything(cluster), 240)) == ["completed", "completed"]
    assert granted() - cluster.asked == NEWER


def test_a_right_that_is_missing_would_be_noticed(kubernetes_cluster):  # noqa: F811
    kubernetes_cluster.rights = granted() - {("create", "batch", "jobs")}

    async def run() -> Any:
        async with ContainerExecutor(OpenPods(kubernetes_cluster.client())) as executor:
            await executor.execute(a_job(Place(SANDBOX, "d", Warmth()), "run-2"), runner.Ports())

    with pytest.raises(Exception, match="cannot create") as refused:
        asyncio.run(run())
    assert "deploy/kubernetes" in refused.value.hint


def fence() -> dict[str, Any]:
    found: dict[str, Any] = named("ValidatingAdmissionPolicy", "caseway-worker")["spec"]
    return found


def test_the_fence_stands_around_the_worker_s_account_and_lets_nothing_past_when_it_fails():
    (condition,) = fence()["matchConditions"]
    assert '"system:serviceaccount:caseway:caseway-worker"' in condition["expression"]
    assert fence()["failurePolicy"] == "Fail"
    binding = named("ValidatingAdmissionPolicyBinding", "caseway-worker")["spec"]
    assert binding == {"policyName": "caseway-worker", "validationActions": ["Deny"]}


def test_the_fence_is_where_the_prefix_of_the_settings_is():
    prefix = named("ConfigMap", "caseway")["data"]["CASEWAY_KUBERNETES_NAMESPACE_PREFIX"]
    inside = re.findall(r'startsWith\("([^"]*)"\)', fence()["validations"][0]["expression"])
    assert inside == [prefix]


@pytest.mark.parametrize(
    ("resource", "namespace", "labels", "passes"),
    [
        ("jobs", "caseway-acme", {}, True),
        ("jobs", "caseway", {}, False),
        ("jobs", "kube-system", {}, False),
        ("pods", "default", {}, False),
        ("namespaces", "caseway-acme", None, True),
        ("namespaces", "caseway-acme", {}, False),
        ("namespaces", "caseway-acme", {"pod-security.kubernetes.io/enforce": "privileged"}, False),
        ("namespaces", "elsewhere", None, False),
    ],
)
def test_the_fence_decides_by_namespace(resource, namespace, labels, passes):
    celpy = pytest.importorskip("celpy", reason="cel-python is not installed")
    known = manifests.namespace(namespace, "acme")["metadata"]["labels"] if labels is None else labels
    name = namespace if resource == "namespaces" else "x"
    given = celpy.json_to_cel(
        {
            "request": {"resource": {"resource": resource}, "namespace": namespace, "name": name},
            "object": {"metadata": {"labels": known}},
        }
    )
    environment = celpy.Environment()
    verdicts = [
        bool(environment.program(environment.compile(rule["expression"])).evaluate(given))
        for rule in fence()["validations"]
    ]
    assert all(verdicts) == passes


def test_a_gpu_s_pod_needs_no_other_right(kubernetes_cluster):  # noqa: F811
    kubernetes_cluster.rights = granted()
    place = Place(replace(SANDBOX, resources=replace(SANDBOX.resources, gpus=1)), "gpu", Warmth())

    async def run() -> str:
        async with ContainerExecutor(OpenPods(kubernetes_cluster.client())) as executor:
            return (await executor.execute(a_job(place, "run-3"), runner.Ports())).status

    assert asyncio.run(asyncio.wait_for(run(), 120)) == "completed"
