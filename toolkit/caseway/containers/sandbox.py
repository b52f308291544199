"""What a container may use and reach, and how that is said to a Docker engine.

Rule: no effects here; everything that is not asked for is closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

USER = "10001:10001"
SCRATCH = "/tmp"  # noqa: S108 - the container's own, in memory; nobody else is in there
MB = 1_000_000
# The engine refuses less; Python needs more.
LEAST_MEMORY = 32 * MB
_SHARED_MEMORY = 16 * MB


class Network(StrEnum):
    """`none`: no way out. `hosts`: HTTP and HTTPS to the hosts that the policy allows, through Caseway.
    `bridge`: the engine's bridge, open to everything that the machine reaches."""

    NONE = "none"
    HOSTS = "hosts"
    BRIDGE = "bridge"


@dataclass(frozen=True, slots=True)
class Resources:
    """What an execution may use. `disk_bytes` is asked for; see `scratch_bytes` for what there is."""

    cpus: float = 0.5
    memory_bytes: int = 1000 * MB
    disk_bytes: int = 5000 * MB
    gpus: int = 0
    gpu_type: str = "none"
    processes: int = 128
    open_files: int = 1024

    @property
    def scratch_bytes(self) -> int:
        """The size of the scratch folder. It lies in memory, as no engine without quotas can bound a disk:
        more than half of the memory could not be filled without the kernel ending the process instead."""
        return min(self.disk_bytes, self.memory_bytes // 2)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One kind of container: all those of a deployment are alike. `namespace` is the organization's, `hosts`
    are those that `Network.HOSTS` lets through (`*` is any public one)."""

    image: str
    resources: Resources = field(default_factory=Resources)
    network: Network = Network.HOSTS
    hosts: tuple[str, ...] = ("*",)
    namespace: str = "local"
    user: str = USER


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the engine's machine has."""

    cpus: int = 0
    memory_bytes: int = 0
    has_gpus: bool = False


def hardened(resources: Resources, capacity: Capacity) -> dict[str, Any]:
    """The part of the engine's host settings that is the same for every container of ours: no privileges, a
    root that cannot be written, bounds on everything that can be used up."""
    memory = max(resources.memory_bytes, LEAST_MEMORY)
    settings: dict[str, Any] = {
        "init": True,
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "privileged": False,
        "ipc_mode": "private",
        "mem_limit": memory,
        "memswap_limit": memory,
        "pids_limit": resources.processes,
        "shm_size": _SHARED_MEMORY,
        "tmpfs": {
            SCRATCH: f"rw,exec,nosuid,nodev,mode=1777,size={resources.scratch_bytes}",
            # What programs expect to be able to write; empty, small, and never executable.
            "/run": "rw,noexec,nosuid,nodev,mode=1777,size=1000000",
        },
        "ulimits": [
            _limit("nofile", resources.open_files),
            _limit("core", 0),
        ],
        "log_config": {"Type": "none", "Config": {}},
        "restart_policy": {"Name": "no"},
        **cpu_settings(resources, capacity),
    }
    if resources.gpus:
        settings["device_requests"] = [gpu_request(resources)]
    return settings


def cpu_settings(resources: Resources, capacity: Capacity) -> dict[str, int]:
    """At most what the machine has: asking for more is an error to the engine."""
    cpus = min(resources.cpus, capacity.cpus) if capacity.cpus else resources.cpus
    return {"nano_cpus": max(int(cpus * 1e9), 10_000_000)}


def gpu_request(resources: Resources) -> dict[str, Any]:
    """The engine's device request; the type is an option of the driver."""
    options = {} if resources.gpu_type in {"", "none", "any"} else {"type": resources.gpu_type}
    return {"Driver": "", "Count": resources.gpus, "Capabilities": [["gpu"]], "Options": options}


def _limit(name: str, value: int) -> dict[str, Any]:
    return {"Name": name, "Soft": value, "Hard": value}


def labelled(labels: Mapping[str, str]) -> list[str]:
    """Labels as the engine's filters take them."""
    return [f"{name}={value}" for name, value in labels.items()]
