"""What is asked of a cluster: namespaces, network policies, the Job that an execution's pod belongs to.

Rule: pure; everything that is not asked for is closed, and every number comes from the sandbox."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from caseway.containers.kubernetes.names import label_values
from caseway.containers.kubernetes.settings import NEVER, ClusterSettings
from caseway.containers.sandbox import LEAST_MEMORY, SCRATCH, Network, Resources, Sandbox

MANAGED = {"app.kubernetes.io/managed-by": "caseway", "app.kubernetes.io/part-of": "caseway"}
NETWORK = "dev.caseway.network"
CONTAINER = "runner"
START = "/opt/caseway/runner/start.py"
# Output from before somebody is attached would be lost: the runner starts with the first byte it is sent.
GATE = f"import os,runpy;os.read(0,1);runpy.run_path({START!r},run_name='__main__')"
COMMAND = ("python3", "-I", "-S", "-B", "-c", GATE)
GPU = "nvidia.com/gpu"
_KEPT_SECONDS = 120
_SHARED_MEMORY = "16Mi"
_ENVIRONMENT = {"HOME": SCRATCH, "TMPDIR": SCRATCH, "LANG": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A pod that is wanted. `seconds` bounds its life; 0: it lives until it is let go of."""

    name: str
    namespace: str
    sandbox: Sandbox
    labels: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def namespace(name: str, organization: str) -> dict[str, Any]:
    """An organization's namespace, in which only hardened pods are admitted."""
    enforced = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    labels = {**MANAGED, **enforced, **label_values({"dev.caseway.organization": organization})}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def policies(name: str, settings: ClusterSettings) -> list[dict[str, Any]]:
    """The network policies of a namespace: nothing in, nothing out; names and the allowed networks for pods
    whose sandbox asks for a bridge. HTTP of the others goes through Caseway, not through the network."""
    bridged = {"matchLabels": {NETWORK: Network.BRIDGE.value}}
    resolver = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    blocks = [{"ipBlock": _block(network)} for network in settings.egress]
    return [
        _policy(name, "caseway-default-deny", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
        _policy(
            name,
            "caseway-bridge",
            {
                "podSelector": bridged,
                "policyTypes": ["Egress"],
                "egress": [{"to": [resolver], "ports": ports}, {"to": blocks}],
            },
        ),
    ]


def job(asked: Asked, settings: ClusterSettings) -> dict[str, Any]:
    """The Job of one runner. It is never started again by the cluster: what it ran goes on from its journal,
    and that is Caseway's to decide."""
    labels = {**MANAGED, **label_values(asked.labels), NETWORK: asked.sandbox.network.value}
    metadata = {"labels": labels, "annotations": dict(asked.labels)}
    spec: dict[str, Any] = {
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": 0,
        "ttlSecondsAfterFinished": _KEPT_SECONDS,
        "template": {"metadata": metadata, "spec": _pod(asked, settings)},
    }
    if asked.seconds:
        spec["activeDeadlineSeconds"] = math.ceil(asked.seconds)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": asked.name, "namespace": asked.namespace, **metadata},
        "spec": spec,
    }


def image_of(image: str, registry: str) -> str:
    """The image as the cluster is told: with the registry, when it names none itself."""
    first = image.partition("/")[0]
    names_one = "/" in image and ("." in first or ":" in first or first == "localhost")
    return image if names_one or not registry else f"{registry}/{image}"


def _pod(asked: Asked, settings: ClusterSettings) -> dict[str, Any]:
    resources = asked.sandbox.resources
    user, _, group = asked.sandbox.user.partition(":")
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # Another process is number 1 then, which takes in what has lost its parent.
        "shareProcessNamespace": True,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": int(user),
            "runAsGroup": int(group or user),
            "fsGroup": int(group or user),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(asked.sandbox, settings)],
        "volumes": [
            _volume("scratch", f"{resources.disk_bytes}"),
            _volume("run", "1M", "Memory"),
            _volume("shared-memory", _SHARED_MEMORY, "Memory"),
        ],
    }
    if settings.pull_secret:
        spec["imagePullSecrets"] = [{"name": settings.pull_secret}]
    if settings.runtime_class:
        spec["runtimeClassName"] = settings.runtime_class
    return {**spec, **_gpu_place(resources, settings)}


def _container(sandbox: Sandbox, settings: ClusterSettings) -> dict[str, Any]:
    amounts = _amounts(sandbox.resources)
    return {
        "name": CONTAINER,
        "image": image_of(sandbox.image, settings.registry),
        "imagePullPolicy": "IfNotPresent",
        "command": list(COMMAND),
        "workingDir": SCRATCH,
        "env": [{"name": name, "value": value} for name, value in _ENVIRONMENT.items()],
        "stdin": True,
        # With whoever is attached its input ends, and with that the runner.
        "stdinOnce": True,
        "tty": False,
        "resources": {"requests": amounts, "limits": amounts},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [
            {"name": "scratch", "mountPath": SCRATCH},
            {"name": "run", "mountPath": "/run"},
            {"name": "shared-memory", "mountPath": "/dev/shm"},  # noqa: S108 - the pod's own
        ],
    }


def _amounts(resources: Resources) -> dict[str, str]:
    """Requested and bounded alike, so that nobody's neighbour takes what was promised."""
    amounts = {
        "cpu": f"{max(round(resources.cpus * 1000), 10)}m",
        "memory": str(max(resources.memory_bytes, LEAST_MEMORY)),
        "ephemeral-storage": str(resources.disk_bytes),
    }
    return amounts if not resources.gpus else {**amounts, GPU: str(resources.gpus)}


def _gpu_place(resources: Resources, settings: ClusterSettings) -> dict[str, Any]:
    if not resources.gpus:
        return {}
    place: dict[str, Any] = {"tolerations": [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]}
    if resources.gpu_type not in {"", "none", "any"}:
        place["nodeSelector"] = {settings.gpu_label: resources.gpu_type}
    return place


def _volume(name: str, size: str, medium: str = "") -> dict[str, Any]:
    bounds = {"sizeLimit": size, **({"medium": medium} if medium else {})}
    return {"name": name, "emptyDir": bounds}


def _block(network: str) -> dict[str, Any]:
    whole = ipaddress.ip_network(network)
    never = [one for one in NEVER if ipaddress.ip_network(one).overlaps(whole)]
    return {"cidr": network, **({"except": never} if never else {})}


def _policy(space: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": space, "labels": dict(MANAGED)},
        "spec": spec,
    }
