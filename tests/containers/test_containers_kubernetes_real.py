"""The executor on Kubernetes' own API server: what it asks for is taken whole, with a worker's rights and no
others, and a pod is spoken to through the server."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
import yaml
from containers_world import ENOUGH, a_document, a_job, a_place, a_shell, begun

import caseway_runner as runner
from caseway.containers.errors import ContainerFailed, ContainerLost
from caseway.containers.executor import ContainerExecutor
from caseway.containers.kubernetes import manifests
from caseway.containers.kubernetes.pod import OpenPods
from caseway.containers.kubernetes.settings import ClusterSettings
from caseway.containers.sandbox import Network, Resources, Sandbox
from caseway.containers.warmth import Mode, Warmth
from kubernetes_api_server import ADMIN, NOBODY, WORKER, RealCluster, kubernetes_api  # noqa: F401 - a fixture
from kubernetes_cluster import CLONE

pytestmark = pytest.mark.timeout(900)

IMAGE = "caseway/runtime:default"
HELLO = a_document(a_shell("echo hello"))
TTL_SINCE = 21  # Kubernetes 1.21 knows by itself when to forget what has ended
SLOW = a_document(a_shell("sleep 300"))


def run_job(cluster: RealCluster, job: Any, token: str = WORKER) -> runner.Outcome:
    async def run() -> runner.Outcome:
        async with ContainerExecutor(OpenPods(cluster.client(token))) as executor:
            return await executor.execute(job, runner.Ports())

    return asyncio.run(asyncio.wait_for(run(), 2 * ENOUGH))


def missing(asked: Any, kept: Any, place: str = "") -> list[str]:
    """What was asked for and is not kept, by path; numbers may be written in another way."""
    if isinstance(asked, dict) and isinstance(kept, dict):
        return [
            hit for name, value in asked.items() for hit in missing(value, kept.get(name), f"{place}/{name}")
        ]
    if isinstance(asked, list) and isinstance(kept, list) and len(asked) == len(kept):
        pairs = enumerate(zip(asked, kept, strict=True))
        return [hit for at, pair in pairs for hit in missing(*pair, f"{place}/{at}")]
    return [] if kept is not None or asked in ("", [], {}, None, False) else [place]


def test_an_execution_runs_in_a_pod_and_nothing_is_left(kubernetes_api):  # noqa: F811 - the fixture
    outcome = run_job(kubernetes_api, a_job(HELLO, a_place(IMAGE)))
    assert (outcome.status, outcome.output) == ("completed", "hello\n")
    assert kubernetes_api.is_empty()


def test_a_warm_pod_takes_execution_after_execution(kubernetes_api):  # noqa: F811 - the fixture
    place = a_place(IMAGE, warmth=Warmth(Mode.IDLE_SHUTDOWN))

    async def run() -> set[str]:
        seen = set()
        async with ContainerExecutor(OpenPods(kubernetes_api.client())) as executor:
            for number in range(3):
                await executor.execute(a_job(HELLO, place, id=f"run-{number}"), runner.Ports())
                await executor.settle()
                jobs = await asyncio.to_thread(kubernetes_api.items, "/apis/batch/v1/jobs")
                seen |= {item["metadata"]["name"] for item in jobs}
        return seen

    assert len(asyncio.run(run())) == (1 if kubernetes_api.node.isolates else 0)
    assert kubernetes_api.is_empty()


def test_a_pod_that_somebody_deletes_is_lost(kubernetes_api):  # noqa: F811 - the fixture
    def delete() -> None:
        with kubernetes_api.http() as api:
            for job in kubernetes_api.items("/apis/batch/v1/jobs"):
                named = job["metadata"]
                path = f"/apis/batch/v1/namespaces/{named['namespace']}/jobs/{named['name']}"
                api.request("DELETE", path, json={"propagationPolicy": "Background"}).raise_for_status()

    async def run() -> Any:
        async with ContainerExecutor(OpenPods(kubernetes_api.client())) as executor:
            work = await begun(executor, a_job(SLOW, a_place(IMAGE)))
            await asyncio.to_thread(delete)
            with pytest.raises(ContainerLost) as refused:
                await work
        return refused.value

    assert asyncio.run(asyncio.wait_for(run(), 2 * ENOUGH)).code == "container-lost"
    assert kubernetes_api.is_empty()


def test_whoever_has_no_rights_is_refused_in_the_words_of_the_cluster(kubernetes_api):  # noqa: F811
    with pytest.raises(ContainerFailed) as refused:
        run_job(kubernetes_api, a_job(HELLO, a_place(IMAGE)), NOBODY)
    assert refused.value.code == "container-refused"
    assert "forbidden" in refused.value.message
    assert "nobody" in refused.value.message


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/secrets"),
        ("GET", "/api/v1/nodes"),
        ("POST", "/api/v1/namespaces/default/pods"),
        ("POST", "/api/v1/namespaces/default/pods/x/exec"),
        ("DELETE", "/api/v1/namespaces/default"),
        ("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
        ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"),
    ],
)
def test_a_worker_may_nothing_else(kubernetes_api, method, path):  # noqa: F811 - the fixture
    with kubernetes_api.http(WORKER) as asking:
        assert asking.request(method, path, json={} if method == "POST" else None).status_code == 403


def test_every_field_of_a_job_and_of_the_walls_is_one_that_the_server_keeps(kubernetes_api):  # noqa: F811
    settings = ClusterSettings(pull_secret="pull", registry="registry.example.com")
    resources = Resources(gpus=1, gpu_type="a100")
    asked = manifests.Asked(
        "whole", "default", Sandbox("tools:1", resources, Network.BRIDGE), {"dev.caseway.x": "y"}, 60.0
    )
    wanted = [("/apis/batch/v1/namespaces/default/jobs", manifests.job(asked, settings))]
    walls = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
    wanted += [(walls, policy) for policy in manifests.policies("default", settings)]
    with kubernetes_api.http(ADMIN) as api:
        minor = int(api.get("/version").json()["minor"].rstrip("+"))
        younger = {"/spec/ttlSecondsAfterFinished"} if minor < TTL_SINCE else set()
        for path, body in wanted:
            kept = api.post(path, params={"dryRun": "All"}, json=body)
            assert kept.is_success, kept.text
            assert set(missing(body, kept.json())) - younger == set()


def place_of(api: httpx.Client, item: dict[str, Any]) -> str:
    """Where such an object is created, "" when this server knows none of its kind."""
    version = item["apiVersion"]
    path = f"/{'api' if version == 'v1' else 'apis'}/{version}"
    known = api.get(path)
    kinds = known.json()["resources"] if known.is_success else []
    found = [one for one in kinds if one["kind"] == item["kind"] and "/" not in one["name"]]
    if not found:
        return ""
    return f"{path}{'/namespaces/caseway' if found[0]['namespaced'] else ''}/{found[0]['name']}"


def test_the_manifests_of_an_installation_are_taken_and_kept_whole(kubernetes_api):  # noqa: F811
    files = sorted((CLONE / "deploy" / "kubernetes").glob("*.yaml"))
    items = [item for file in files for item in yaml.safe_load_all(file.read_text())]
    taken = set()
    with kubernetes_api.http(ADMIN) as api:
        api.post("/api/v1/namespaces", json={"metadata": {"name": "caseway"}})
        for item in items:
            path = place_of(api, item)
            kept = api.post(path, params={"dryRun": "All"}, json=item) if path else None
            if kept is None or kept.status_code == 409:
                continue  # younger than this server, or there already
            assert kept.is_success, f"{item['kind']}: {kept.text}"
            given = {name: value for name, value in item.items() if name != "stringData"}  # never shown again
            assert missing(given, kept.json()) == [], item["kind"]
            taken.add(item["kind"])
    assert {"Deployment", "StatefulSet", "Job", "Service", "NetworkPolicy", "ConfigMap"} <= taken
