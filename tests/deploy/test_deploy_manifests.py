"""The manifests of `deploy/kubernetes` are what Kubernetes takes, fit together, and ask for little."""

from __future__ import annotations

import pytest
import yaml
from deploy_world import (
    DEPLOY,
    EXAMPLES,
    OURS,
    container_of,
    made_secrets,
    manifests,
    named,
    of_kind,
    parsed,
    pod_of,
    settings,
    workloads,
)

from kubernetes_schemas import VERSIONS, problems_of

MARGIN = 5  # seconds between the longest that a process may take to stop, and its end


def by_name(item):
    return item["metadata"]["name"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("file", sorted(manifests()))
def test_kubernetes_takes_every_object(file, version):
    assert [problem for item in manifests()[file] for problem in problems_of(item, version)] == []


def test_what_kustomize_applies_is_every_file_but_the_examples():
    told = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())
    assert set(told["resources"]) == set(manifests()) - EXAMPLES
    assert [image["name"] for image in told["images"]] == [OURS]


@pytest.mark.parametrize("workload", workloads(), ids=by_name)
def test_every_pod_is_of_the_restricted_kind(workload):
    pod, container = pod_of(workload), container_of(workload)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"hostNetwork", "hostPID", "hostIPC"} & set(pod) == set()
    assert all({"hostPath"} & set(volume) == set() for volume in pod["volumes"])


@pytest.mark.parametrize("workload", workloads(), ids=by_name)
def test_every_pod_says_what_it_needs_and_bounds_what_it_may_write(workload):
    resources = container_of(workload)["resources"]
    assert set(resources["requests"]) == {"cpu", "memory"}
    assert "memory" in resources["limits"]
    written = [volume["emptyDir"] for volume in pod_of(workload)["volumes"] if "emptyDir" in volume]
    assert all("sizeLimit" in volume for volume in written)


def test_only_workers_may_speak_to_the_cluster():
    with_token = [item for item in workloads() if pod_of(item)["automountServiceAccountToken"]]
    assert [by_name(item) for item in with_token] == ["caseway-worker"]
    assert pod_of(with_token[0])["serviceAccountName"] == "caseway-worker"
    (binding,) = of_kind("ClusterRoleBinding", "RoleBinding")
    (subject,) = binding["subjects"]
    assert (subject["namespace"], subject["name"]) == ("caseway", "caseway-worker")


@pytest.mark.parametrize("workload", workloads(), ids=by_name)
def test_every_selector_finds_its_pods(workload):
    labels = workload["spec"]["template"]["metadata"]["labels"]
    if workload["kind"] != "Job":
        assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()
    for item in of_kind("Service"):
        if by_name(item) == by_name(workload):
            assert item["spec"]["selector"].items() <= labels.items()
            (port,) = item["spec"]["ports"]
            assert port["targetPort"] in {known["name"] for known in container_of(workload)["ports"]}


def test_what_has_several_replicas_is_never_drained_altogether():
    several = {by_name(item) for item in workloads() if item["spec"].get("replicas", 1) > 1}
    budgets = {by_name(item): item["spec"]["minAvailable"] for item in of_kind("PodDisruptionBudget")}
    assert budgets == dict.fromkeys(several, 1)


@pytest.mark.parametrize("name", ["caseway-web", "caseway-worker", "caseway-migrate"])
def test_caseway_s_commands_are_real(name):
    (workload,) = [item for item in workloads() if by_name(item) == name]
    command, _ = parsed(container_of(workload)["args"])
    assert command == {"web": "serve web", "worker": "serve worker", "migrate": "db migrate"}[name[8:]]
    assert container_of(workload)["image"] == OURS


@pytest.mark.parametrize("name", ["caseway-web", "caseway-worker"])
def test_a_pod_has_the_time_to_stop_that_its_command_takes(name):
    workload = named("Deployment", name)
    _, options = parsed(container_of(workload)["args"])
    needed = options["grace"] + options.get("drain", 0)
    assert pod_of(workload)["terminationGracePeriodSeconds"] >= needed + MARGIN


def test_servers_are_asked_whether_they_live_and_whether_they_are_ready():
    container = container_of(named("Deployment", "caseway-web"))
    asked = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert {kind: probe["path"] for kind, probe in asked.items()} == {
        "startup": "/healthz",
        "liveness": "/healthz",
        "readiness": "/readyz",
    }
    _, options = parsed(container["args"])
    assert {probe["port"] for probe in asked.values()} == {"http"}
    assert container["ports"] == [{"name": "http", "containerPort": options["port"]}]


def test_a_draining_server_is_noticed_before_it_stops():
    container = container_of(named("Deployment", "caseway-web"))
    _, options = parsed(container["args"])
    probe = container["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] <= options["drain"]


def test_workers_are_watched_by_the_file_they_touch():
    container = container_of(named("Deployment", "caseway-worker"))
    _, options = parsed(container["args"])
    file = str(options["heartbeat"])
    assert container["startupProbe"]["exec"]["command"] == ["test", "-e", file]
    assert file in container["livenessProbe"]["exec"]["command"][-1]
    assert any(file.startswith(mount["mountPath"]) for mount in container["volumeMounts"])


def test_every_setting_is_one_that_caseway_reads():
    (told,) = of_kind("ConfigMap")
    assert set(told["data"]) - settings() == set()


def test_the_files_of_settings_are_the_secrets_that_are_mounted():
    (told,) = of_kind("ConfigMap")
    files = {value for name, value in told["data"].items() if name.endswith("_FILE")}
    for workload in workloads():
        if container_of(workload)["image"] == OURS:
            assert set(_mounted(workload)) == files, by_name(workload)


def test_the_secret_is_what_the_script_makes(tmp_path):
    made = set(made_secrets(tmp_path / "secrets"))
    assert set(named("Secret", "caseway")["stringData"]) == made
    for workload in workloads():
        assert {path.rpartition("/")[2] for path in _mounted(workload)} <= made


def _mounted(workload):
    """The files of the Secret that its container sees."""
    folders = {mount["name"]: mount["mountPath"] for mount in container_of(workload)["volumeMounts"]}
    return [
        f"{folders[volume['name']]}/{item['path']}"
        for volume in pod_of(workload)["volumes"]
        if "secret" in volume
        for item in volume["secret"]["items"]
    ]


def test_the_namespace_admits_restricted_pods_only():
    labels = named("Namespace", "caseway")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_everything_of_a_namespace_is_in_caseway_s():
    cluster = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
    cluster |= {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    spaces = {
        item["metadata"].get("namespace", "")
        for items in manifests().values()
        for item in items
        if item["kind"] not in cluster
    }
    assert spaces == {"caseway"}
