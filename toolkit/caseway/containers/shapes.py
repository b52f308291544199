"""Reads what documents say of containers: resources, networks, warmth. Pure; the schema checks the shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time
from typing import Any

from caseway.containers.sandbox import Network, Resources, Sandbox
from caseway.containers.warmth import DAYS, Mode, Warmth, Window

_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def resources_from(said: Mapping[str, Any]) -> Resources:
    """`resources` of a use case or instance; what is not said is the default."""
    default = Resources()
    return Resources(
        cpus=float(said.get("cpu", default.cpus)),
        memory_bytes=_size(said["memory"]) if "memory" in said else default.memory_bytes,
        disk_bytes=_size(said["disk"]) if "disk" in said else default.disk_bytes,
        gpus=int(said.get("gpu", default.gpus)),
        gpu_type=str(said.get("gpuType", default.gpu_type)),
    )


def sandbox_from(
    image: str, namespace: str, said: Mapping[str, Any], resources: Mapping[str, Any]
) -> Sandbox:
    """The sandbox that `container` of a use case asks for."""
    return Sandbox(
        image=image,
        resources=resources_from(resources),
        network=Network(said.get("network", Network.HOSTS)),
        hosts=tuple(said.get("hosts") or ("*",)),
        namespace=namespace,
    )


def warmth_from(said: Mapping[str, Any]) -> Warmth:
    """`warm` of a use case's `container`."""
    mode = Mode(said.get("mode", Mode.ON_DEMAND))
    least = int(said.get("least", 1))
    return Warmth(
        mode=mode,
        least=least,
        most=max(int(said.get("most", 1)), least),
        idle_seconds=_seconds(str(said.get("idle", "5m"))),
        window=_window(said["window"]) if isinstance(said.get("window"), Mapping) else None,
    )


def _window(said: Mapping[str, Any]) -> Window:
    return Window(
        start=time.fromisoformat(said["start"]),
        end=time.fromisoformat(said["end"]),
        days=frozenset(said.get("days") or DAYS),
        timezone=str(said.get("timezone", "UTC")),
    )


def _size(text: str) -> int:
    number, unit = _split(text)
    return int(number * _BYTES[unit])


def _seconds(text: str) -> float:
    number, unit = _split(text)
    return number * _SECONDS[unit]


def _split(text: str) -> tuple[float, str]:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([a-zA-Z]+)", text)
    assert found is not None, text  # the schema has checked it
    return float(found[1]), found[2]
