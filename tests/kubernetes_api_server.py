"""Kubernetes' own API server, with a node that this process plays: what it is asked goes through admission,
validation, rights and storage, and a pod is spoken to through it as through any other.

No package has these programs: `CASEWAY_KUBERNETES_PROGRAMS` names a folder with `kube-apiserver` and `etcd`;
without them the tests are skipped. `tests/kubernetes_programs.sh` makes them on Debian, from its sources.
Import `kubernetes_api` where it is needed."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from caseway.containers.kubernetes.settings import ClusterSettings
from kubernetes_cluster import CLONE, Api, Node, Pod, Server, _can_isolate, _pump

ADMIN, WORKER, NOBODY = "token-of-the-admin", "token-of-the-worker", "token-of-nobody"
ACCOUNT = "system:serviceaccount:caseway:caseway-worker"
SECONDS = 300.0  # until something that shall come about is given up
JOB = "batch.kubernetes.io/job-name"
_NAME = "node-1"


class Kubelet(Api):
    """Answers whom the API server sends: it has asked already whether they may."""

    def refusal(self, request: Any, verb: str, group: str, resource: str) -> None:
        """Nobody is refused."""

    def app(self) -> Starlette:
        """The one path of a kubelet that an executor needs."""
        return Starlette(routes=[WebSocketRoute("/attach/{space}/{name}/{container}", self.attach)])


@dataclass
class RealCluster:
    """An API server at `url`, whose certificate is `ca`; `pods` are those that run on its node."""

    url: str
    ca: Path
    node: Node
    kubelet: Server = field(init=False)
    is_over: bool = False

    def __post_init__(self) -> None:
        self.kubelet = Server(self.node)

    def client(self, token: str = WORKER, **settings: Any) -> Any:
        """A `Cluster` that speaks to it."""
        from kubernetes.client import Configuration  # noqa: PLC0415 - slow to import

        from caseway.containers.kubernetes.cluster import Cluster  # noqa: PLC0415 - as above

        configuration = Configuration()
        configuration.host, configuration.retries = self.url, False
        configuration.ssl_ca_cert = str(self.ca)
        configuration.api_key = {"authorization": f"Bearer {token}"}
        return Cluster(ClusterSettings(**settings), configuration)

    def http(self, token: str = ADMIN) -> httpx.Client:
        """For asking it directly."""
        return httpx.Client(
            base_url=self.url,
            verify=False,
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )

    def items(self, path: str) -> list[dict[str, Any]]:
        """What a list has."""
        with self.http() as asking:
            found: list[dict[str, Any]] = asking.get(path).raise_for_status().json()["items"]
        return found

    def is_empty(self) -> bool:
        """Whether no Job and no pod is left, waited for."""
        until = time.monotonic() + SECONDS
        while self.items("/apis/batch/v1/jobs") or self.items("/api/v1/pods"):
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        return True

    async def live(self) -> None:
        """What the controllers, the scheduler and the kubelet do, again and again."""
        headers = {"Authorization": f"Bearer {ADMIN}"}
        async with httpx.AsyncClient(base_url=self.url, verify=False, headers=headers, timeout=60) as api:
            told: dict[tuple[str, str], str] = {}
            while not self.is_over:
                with suppress(httpx.HTTPError):  # it may be away, and comes back
                    await self._look(api, told)
                await asyncio.sleep(0.05)

    async def _look(self, api: httpx.AsyncClient, told: dict[tuple[str, str], str]) -> None:
        jobs = {_key(item): item for item in (await api.get("/apis/batch/v1/jobs")).json()["items"]}
        there = {_key(item): item for item in (await api.get("/api/v1/pods")).json()["items"]}
        having = {(space, item["metadata"]["labels"].get(JOB)) for (space, _), item in there.items()}
        for key in jobs.keys() - having:
            await api.post(f"/api/v1/namespaces/{key[0]}/pods", json=_pod_of(jobs[key]))
        for key, item in there.items():
            if (key[0], item["metadata"]["labels"].get(JOB)) not in jobs:
                await api.request("DELETE", _path(key), json={"gracePeriodSeconds": 0})
            elif key not in self.kubelet.pods:
                await self._start(key, item)
        for key in self.kubelet.pods.keys() - there.keys():
            self.kubelet.pods.pop(key).kill()
        for key, pod in self.kubelet.pods.items():
            status = json.dumps({"status": pod.manifest["status"]})
            if told.get(key) != status:
                patch = {"Content-Type": "application/merge-patch+json"}
                answer = await api.patch(f"{_path(key)}/status", content=status, headers=patch)
                told[key] = status if answer.is_success else ""

    async def _start(self, key: tuple[str, str], item: dict[str, Any]) -> None:
        pod = self.kubelet.pods[key] = Pod({"status": {}})
        pod.process = await self.node.start(item["spec"]["containers"][0])
        pod.tasks = [
            asyncio.create_task(_pump(pod, pod.process.stdout, 1)),
            asyncio.create_task(_pump(pod, pod.process.stderr, 2)),
        ]
        pod.told("Running", {"running": {"startedAt": "2026-01-01T00:00:00Z"}})
        pod.tasks.append(asyncio.create_task(pod.ended()))


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]


def _path(key: tuple[str, str]) -> str:
    return f"/api/v1/namespaces/{key[0]}/pods/{key[1]}"


def _pod_of(job: dict[str, Any]) -> dict[str, Any]:
    template = job["spec"]["template"]
    labels = {**template["metadata"]["labels"], JOB: job["metadata"]["name"]}
    metadata = {"name": f"{job['metadata']['name']}-x7k2p", "labels": labels}
    annotations = template["metadata"].get("annotations") or {}
    return {
        "metadata": {**metadata, "annotations": annotations},
        "spec": {**template["spec"], "nodeName": _NAME},
    }


def a_certificate(folder: Path) -> Path:
    """A certificate of its own for 127.0.0.1, with its key; the certificate alone is `ca.crt`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate = built.public_bytes(serialization.Encoding.PEM)
    (folder / "ca.crt").write_bytes(certificate)
    (folder / "server.pem").write_bytes(private + certificate)
    return folder / "server.pem"


def programs() -> tuple[str, str]:
    """The API server and its store. Skips the test where they are not."""
    folder = os.environ.get("CASEWAY_KUBERNETES_PROGRAMS", "")
    path = os.pathsep.join(part for part in (folder, os.environ.get("PATH", "")) if part)
    found = [shutil.which(name, path=path) for name in ("kube-apiserver", "etcd")]
    if None in found:
        pytest.skip("no kube-apiserver and etcd: CASEWAY_KUBERNETES_PROGRAMS says in which folder they are")
    return str(found[0]), str(found[1])


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
    return port


def _started(folder: Path, undone: ExitStack) -> str:
    """The address of a running API server, whose files are in the folder."""
    server, store = programs()
    ports = [_free_port() for _ in range(3)]
    urls = [f"http://127.0.0.1:{port}" for port in ports[:2]]
    subprocess.run(
        ["openssl", "genrsa", "-out", str(folder / "key"), "2048"], check=True, capture_output=True
    )
    (folder / "tokens").write_text(
        f'{ADMIN},admin,1,"system:masters"\n{WORKER},{ACCOUNT},2\n{NOBODY},nobody,3\n'
    )
    commands = {
        "etcd": [
            *(store, "--data-dir", str(folder / "etcd"), "--listen-client-urls", urls[0]),
            *("--advertise-client-urls", urls[0], "--listen-peer-urls", urls[1]),
            *("--initial-advertise-peer-urls", urls[1], "--initial-cluster", f"default={urls[1]}"),
            *("--unsafe-no-fsync",),
        ],
        "server": [
            *(
                server,
                "--etcd-servers",
                urls[0],
                "--bind-address",
                "127.0.0.1",
                "--secure-port",
                str(ports[2]),
            ),
            *("--cert-dir", str(folder), "--token-auth-file", str(folder / "tokens")),
            *("--authorization-mode", "RBAC", "--service-account-issuer", "https://tests"),
            *("--service-account-signing-key-file", str(folder / "key")),
            *("--service-account-key-file", str(folder / "key")),
            *("--disable-admission-plugins", "ServiceAccount", "--service-cluster-ip-range", "10.0.0.0/24"),
        ],
    }
    for name, words in commands.items():
        log = undone.enter_context((folder / f"{name}.log").open("wb"))
        running = subprocess.Popen(
            [word for word in words if _knows(word, store)], stdout=log, stderr=log, cwd=folder
        )
        undone.callback(running.wait)
        undone.callback(running.kill)
    return f"https://127.0.0.1:{ports[2]}"


def _knows(word: str, store: str) -> bool:
    """etcd learned not to wait for disks with 3.5."""
    if word != "--unsafe-no-fsync":
        return True
    return word in subprocess.run([store, "--help"], capture_output=True, text=True, check=False).stdout


def _ready(cluster: RealCluster, folder: Path, port: int) -> None:
    """Wait for it, and give it its node and the worker's rights."""
    until = time.monotonic() + SECONDS
    with cluster.http() as api:
        while True:
            with suppress(httpx.HTTPError):
                if api.get("/readyz").text == "ok":
                    break
            assert time.monotonic() < until, (folder / "server.log").read_text()[-3000:]
            time.sleep(0.1)
        api.post("/api/v1/nodes", json={"metadata": {"name": _NAME}}).raise_for_status()
        address = {"type": "InternalIP", "address": "127.0.0.1"}
        status = {"addresses": [address], "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}
        patch = {"Content-Type": "application/merge-patch+json"}
        told = json.dumps({"status": status})
        api.patch(f"/api/v1/nodes/{_NAME}/status", content=told, headers=patch).raise_for_status()
        rights = (CLONE / "deploy/kubernetes/worker-rights.yaml").read_text()
        for item in yaml.safe_load_all(rights):
            group = item["apiVersion"]
            api.post(f"/apis/{group}/{item['kind'].lower()}s", json=item).raise_for_status()


@pytest.fixture(scope="module")
def kubernetes_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """A cluster that has one node, and nothing else."""
    uvicorn = pytest.importorskip("uvicorn", reason="install caseway[server]")
    folder = tmp_path_factory.mktemp("kubernetes")
    with ExitStack() as undone:
        home = Path(tempfile.mkdtemp(prefix="caseway-node-", dir="/var/tmp"))
        undone.callback(shutil.rmtree, home, ignore_errors=True)
        cluster = RealCluster(_started(folder, undone), folder / "apiserver.crt", Node(home, _can_isolate()))
        kubelet = folder / "kubelet"
        kubelet.mkdir()
        options = {"port": 0, "log_level": "error", "lifespan": "off", "ws": "websockets-sansio"}
        options["ssl_certfile"] = str(a_certificate(kubelet))
        web = uvicorn.Server(uvicorn.Config(Kubelet(cluster.kubelet).app(), **options))

        async def serve() -> None:
            living = asyncio.create_task(cluster.live())
            await web.serve()
            cluster.is_over = True
            await living
            for pod in cluster.kubelet.pods.values():
                pod.kill()
            await asyncio.gather(*(task for pod in cluster.kubelet.pods.values() for task in pod.tasks))

        thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        thread.start()
        while not web.started and thread.is_alive():
            thread.join(0.01)
        _ready(cluster, folder, web.servers[0].sockets[0].getsockname()[1])
        yield cluster
        web.should_exit = True
        thread.join(120)
