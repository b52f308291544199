"""What a pod's status says, in our words.

Rule: pure; every answer is made of the JSON that the cluster gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseway.containers.engine import State
from caseway.containers.errors import ContainerFailed, ContainerLost, image_missing, lost
from caseway.model.errors import CasewayError

_NO_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_NO_START = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff"}
)

Pod = Mapping[str, Any]


def is_started(pod: Pod) -> bool:
    """Whether its container runs, or has run."""
    return any(kind in _state(pod) for kind in ("running", "terminated"))


def hindrance(pod: Pod, image: str) -> CasewayError | None:
    """Why it will not start, if that is known."""
    waiting = _state(pod).get("waiting") or {}
    reason, message = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
    if reason in _NO_IMAGE:
        missing = image_missing(image)
        return ContainerFailed(
            f"{missing.message}: {message or reason}",
            code=missing.code,
            place=image,
            hint="push it to a registry that the cluster's nodes reach; CASEWAY_KUBERNETES_REGISTRY and "
            "CASEWAY_KUBERNETES_PULL_SECRET say which and how",
        )
    if reason in _NO_START:
        return ContainerFailed(
            f"the cluster could not start the container: {message or reason}",
            code="runner-broken",
            place=image,
            hint="build the runtime anew with 'caseway runtime rebuild'; it needs python3 and the runner",
        )
    return None


def unscheduled(pod: Pod, seconds: float) -> CasewayError:
    """Why it did not start in time."""
    name = _name(pod)
    conditions = (pod.get("status") or {}).get("conditions") or []
    said = [
        str(one.get("message") or one.get("reason") or "")
        for one in conditions
        if one.get("type") == "PodScheduled" and one.get("status") != "True"
    ]
    detail = said[0] if said else "no node has started it"
    if "nvidia.com/gpu" in detail or ("node selector" in detail and _wants_gpu(pod)):
        return ContainerFailed(
            f"no node has the GPU that was asked for: {detail}",
            code="gpu-unavailable",
            place=name,
            hint="ask for gpu 0 or another gpuType, or add such a node",
        )
    return ContainerLost(
        f"the pod did not start within {seconds:g} s: {detail}",
        code="container-lost",
        place=name,
        hint="see the cluster's room and quotas: kubectl describe pod; the execution is tried again",
    )


def state_in(pod: Pod) -> State:
    """How its container stands. Raises `ContainerLost` for a pod that the cluster took away, and
    `ContainerFailed` for one that used more than it may."""
    status = pod.get("status") or {}
    gone = _taken_away(pod, str(status.get("reason") or ""), str(status.get("message") or ""))
    if gone is not None:
        raise gone
    ended = _state(pod).get("terminated")
    if ended is None:
        is_running = "running" in _state(pod) and not (pod.get("metadata") or {}).get("deletionTimestamp")
        return State(is_running, 0, was_killed_for_memory=False, error="")
    code = int(ended.get("exitCode") or 0)
    return State(
        is_running=False,
        exit_code=code,
        was_killed_for_memory=ended.get("reason") == "OOMKilled",
        error=str(ended.get("message") or ended.get("reason") or ""),
    )


def _taken_away(pod: Pod, reason: str, message: str) -> CasewayError | None:
    name = _name(pod)
    if reason == "DeadlineExceeded":
        return ContainerFailed(
            f"the pod lived longer than it may: {message or reason}",
            code="out-of-time",
            place=name,
            hint="raise limits.timeout; something in the container may have stopped the runner",
        )
    if reason == "Evicted" and ("ephemeral" in message or "emptyDir" in message or "EmptyDir" in message):
        return ContainerFailed(
            f"the container used more disk than its limit: {message}",
            code="out-of-disk",
            place=name,
            hint="raise resources.disk, or let the workflow write less",
        )
    if reason:
        return lost(name, f"{reason}: {message}" if message else reason)
    return None


def _state(pod: Pod) -> Mapping[str, Any]:
    found = (pod.get("status") or {}).get("containerStatuses") or [{}]
    state: Mapping[str, Any] = found[0].get("state") or {}
    return state


def _wants_gpu(pod: Pod) -> bool:
    containers = (pod.get("spec") or {}).get("containers") or [{}]
    return "nvidia.com/gpu" in ((containers[0].get("resources") or {}).get("limits") or {})


def _name(pod: Pod) -> str:
    return str((pod.get("metadata") or {}).get("name") or "")
