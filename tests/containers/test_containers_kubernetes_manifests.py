"""Manifests are what Kubernetes takes, and close everything that is not asked for."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.containers.kubernetes import manifests
from caseway.containers.kubernetes.manifests import Asked
from caseway.containers.kubernetes.names import dns_label, label_value, namespace_of
from caseway.containers.kubernetes.settings import ClusterSettings, settings_from
from caseway.containers.sandbox import MB, Network, Resources, Sandbox
from caseway.model.errors import CasewayError
from kubernetes_schemas import VERSIONS, problems_of

FULL = ClusterSettings(registry="r.example.com", pull_secret="pull", runtime_class="gvisor")


def a_job(
    resources: Resources | None = None, settings: ClusterSettings = FULL, **more: Any
) -> dict[str, Any]:
    seconds = more.pop("seconds", 0.0)
    sandbox = Sandbox("caseway/runtime:default", resources or Resources(), **more)
    return manifests.job(Asked("job-1", "caseway-acme", sandbox, {"dev.caseway": "1"}, seconds), settings)


def pod_of(job: dict[str, Any]) -> dict[str, Any]:
    return job["spec"]["template"]["spec"]


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_every_manifest(version):
    plain, gpu = (
        a_job(settings=ClusterSettings()),
        a_job(Resources(gpus=2, gpu_type="NVIDIA-A100"), seconds=9.5),
    )
    objects = [plain, gpu, manifests.namespace("caseway-acme", "acme"), *manifests.policies("x", FULL)]
    assert [problem for item in objects for problem in problems_of(item, version)] == []


def test_a_field_that_kubernetes_does_not_know_would_be_noticed():
    job = a_job()
    pod_of(job)["privileged"] = False
    assert problems_of(job) != []


def test_a_container_has_no_rights_and_cannot_get_any():
    (container,) = pod_of(a_job())["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_a_pod_sees_nothing_of_the_cluster():
    pod = pod_of(a_job())
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & set(pod) == set()
    assert all(set(volume) == {"name", "emptyDir"} for volume in pod["volumes"])


def test_every_folder_that_can_be_written_is_bounded():
    pod = pod_of(a_job(Resources(disk_bytes=32 * MB)))
    sizes = {volume["name"]: volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"]}
    assert sizes == {"scratch": "32000000", "run": "1M", "shared-memory": "16Mi"}
    assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == set(sizes)


def test_resources_are_requested_and_bounded_alike():
    amounts = pod_of(a_job(Resources(0.5, 256 * MB, 1000 * MB)))["containers"][0]["resources"]
    expected = {"cpu": "500m", "memory": "256000000", "ephemeral-storage": "1000000000"}
    assert amounts == {"requests": expected, "limits": expected}


def test_gpus_are_counted_and_chosen_by_type():
    pod = pod_of(a_job(Resources(gpus=2, gpu_type="NVIDIA-A100")))
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "2"
    assert pod["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-A100"}


def test_without_a_gpu_nothing_is_said_of_nodes():
    assert {"nodeSelector", "tolerations"} & set(pod_of(a_job())) == set()


def test_the_cluster_never_runs_an_execution_again_by_itself():
    job = a_job()
    assert job["spec"]["backoffLimit"] == 0
    assert pod_of(job)["restartPolicy"] == "Never"


def test_an_execution_s_pod_has_a_deadline_and_a_warm_one_none():
    assert a_job(seconds=90.2)["spec"]["activeDeadlineSeconds"] == 91
    assert "activeDeadlineSeconds" not in a_job()["spec"]


def test_what_has_ended_is_removed_by_the_cluster():
    assert a_job()["spec"]["ttlSecondsAfterFinished"] == 120


def test_a_namespace_is_closed_both_ways():
    deny, _ = manifests.policies("caseway-acme", FULL)
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_only_pods_with_a_bridge_get_out_and_never_to_the_machine_s_own_surroundings():
    _, bridge = manifests.policies("caseway-acme", FULL)
    assert bridge["spec"]["podSelector"] == {"matchLabels": {"dev.caseway.network": "bridge"}}
    v4, v6 = bridge["spec"]["egress"][1]["to"]
    assert "169.254.0.0/16" in v4["ipBlock"]["except"]
    assert "fe80::/10" in v6["ipBlock"]["except"]


@pytest.mark.parametrize("network", Network)
def test_a_pod_carries_its_kind_of_network(network):
    template = a_job(network=network)["spec"]["template"]
    assert template["metadata"]["labels"]["dev.caseway.network"] == network.value


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("caseway/runtime:1", "r.example.com/caseway/runtime:1"),
        ("python:3.12", "r.example.com/python:3.12"),
        ("ghcr.io/acme/x@sha256:00", "ghcr.io/acme/x@sha256:00"),
        ("localhost:5000/x", "localhost:5000/x"),
    ],
)
def test_an_image_gets_the_registry_unless_it_names_one(image, expected):
    assert manifests.image_of(image, "r.example.com") == expected


@given(st.text(max_size=200))
def test_any_text_makes_a_name_that_kubernetes_takes(text):
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", dns_label(text))
    assert re.fullmatch(r"(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?", label_value(text))
    assert len(namespace_of("caseway-", text)) <= 63


@given(st.lists(st.text(max_size=80), min_size=2, max_size=2, unique=True))
def test_different_organizations_never_share_a_namespace(organizations):
    one, other = organizations
    assert namespace_of("caseway-", one) != namespace_of("caseway-", other)


def test_nobody_can_call_themselves_as_another_organization_is_called():
    taken = dns_label("Acme GmbH")
    assert dns_label(taken) != taken


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CASEWAY_KUBERNETES_NAMESPACE_PREFIX", "Caseway_"),
        ("CASEWAY_KUBERNETES_EGRESS", "10.0.0.0/8, example.com"),
        ("CASEWAY_KUBERNETES_EGRESS", "169.254.169.254/32"),
        ("CASEWAY_KUBERNETES_START_SECONDS", "0"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(name, value):
    with pytest.raises(CasewayError) as refused:
        settings_from({name: value})
    assert refused.value.code == "setting"
    assert name in refused.value.message


def test_the_settings_of_an_operator_are_read():
    given = {"CASEWAY_KUBERNETES_EGRESS": "10.0.0.0/8, 192.168.0.0/16", "CASEWAY_KUBERNETES_REGISTRY": "r/"}
    settings = settings_from(given)
    assert (settings.egress, settings.registry) == (("10.0.0.0/8", "192.168.0.0/16"), "r")
