"""How a worker finds its cluster and shows who it is: as a pod, or with a kubeconfig; over TLS alone."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from containers_world import a_document, a_job, a_place, a_shell
from kubernetes.config import incluster_config

import caseway_runner as runner
from caseway.containers.errors import ContainerFailed, ContainerLost
from caseway.containers.executor import ContainerExecutor
from caseway.containers.kubernetes.cluster import Cluster
from caseway.containers.kubernetes.pod import OpenPods
from caseway.containers.kubernetes.settings import ClusterSettings
from kubernetes_api_server import a_certificate
from kubernetes_cluster import TOKEN, Server, a_cluster

IMAGE = "caseway/runtime:default"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A cluster over TLS, and the certificate that it is known by."""
    folder = tmp_path_factory.mktemp("tls")
    with a_cluster(a_certificate(folder)) as server:
        yield server, folder / "ca.crt"


@pytest.fixture
def in_a_pod(secured, tmp_path, monkeypatch):
    """The surroundings that a cluster gives a pod with a token."""
    server, ca = secured
    (tmp_path / "token").write_text(TOKEN)
    address = urlsplit(server.url)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(address.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(address.port))
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(ca))
    return tmp_path


def a_kubeconfig(folder: Path, server: Server, ca: bytes, token: str = TOKEN) -> Path:
    """A kubeconfig with a good context, which is not the current one."""
    trusted = {"server": server.url, "certificate-authority-data": base64.b64encode(ca).decode()}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "here", "cluster": trusted},
            {"name": "nowhere", "cluster": {"server": "https://127.0.0.1:9"}},
        ],
        "users": [{"name": "worker", "user": {"token": token}}],
        "contexts": [
            {"name": "good", "context": {"cluster": "here", "user": "worker"}},
            {"name": "other", "context": {"cluster": "nowhere", "user": "worker"}},
        ],
        "current-context": "other",
    }
    file = folder / "config"
    file.write_text(yaml.safe_dump(document))
    return file


@pytest.fixture
def with_a_kubeconfig(monkeypatch):
    """Makes a file the kubeconfig of this process."""

    def use(file: Path) -> None:
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))

    return use


def run(**settings: str) -> runner.Outcome:
    """One execution by a worker that finds its cluster itself."""

    async def go() -> runner.Outcome:
        cluster = Cluster(ClusterSettings(**settings))
        try:
            async with ContainerExecutor(OpenPods(cluster)) as executor:
                job = a_job(a_document(a_shell("echo hello")), a_place(IMAGE))
                return await executor.execute(job, runner.Ports(policy=runner.Policy(processes=True)))
        finally:
            cluster.close()

    return asyncio.run(asyncio.wait_for(go(), 120))


def test_in_a_pod_it_is_the_service_account_that_asks(in_a_pod):
    assert run().output == "hello\n"


def test_a_token_that_the_cluster_does_not_know_gets_no_pod(in_a_pod):
    (in_a_pod / "token").write_text("another")
    with pytest.raises(ContainerLost) as refused:
        run()
    assert refused.value.code == "engine-unreachable"


def test_outside_it_is_the_context_of_a_kubeconfig(secured, tmp_path, with_a_kubeconfig):
    server, ca = secured
    with_a_kubeconfig(a_kubeconfig(tmp_path, server, ca.read_bytes()))
    assert run(context="good").output == "hello\n"


def test_a_cluster_with_another_certificate_is_not_spoken_to(secured, tmp_path, with_a_kubeconfig):
    server, _ = secured
    a_certificate(tmp_path)
    with_a_kubeconfig(a_kubeconfig(tmp_path, server, (tmp_path / "ca.crt").read_bytes()))
    asked = len(server.of_kind("Namespace"))
    with pytest.raises(ContainerLost, match="certificate") as refused:
        run(context="good")
    assert refused.value.code == "engine-unreachable"
    assert len(server.of_kind("Namespace")) == asked


@pytest.mark.parametrize("context", ["", "no-such-context"])
def test_without_any_of_it_what_is_missing_is_said(context, tmp_path, with_a_kubeconfig):
    with_a_kubeconfig(tmp_path / "nothing")
    with pytest.raises(ContainerFailed) as refused:
        run(context=context)
    assert refused.value.code == "no-such-engine"
    assert "kubeconfig" in refused.value.hint
