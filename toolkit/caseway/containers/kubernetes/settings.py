"""What an operator decides about the cluster that executions run in.

Rule: plain data, read once from the environment handed in; a value that cannot be meant is refused."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

from caseway.model.errors import CasewayError

EVERYWHERE = ("0.0.0.0/0", "::/0")
# Where clouds tell a machine its secrets.
NEVER = ("169.254.0.0/16", "100.100.100.200/32", "fe80::/10", "fd00:ec2::254/128")
GPU_LABEL = "nvidia.com/gpu.product"
_Block = ipaddress.IPv4Network | ipaddress.IPv6Network
_PREFIX = re.compile(r"[a-z]([-a-z0-9]{0,20}[-a-z0-9])?")


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """`prefix` begins the namespace of every organization; `registry` stands before images that name none;
    `egress` are the networks that `network: bridge` reaches; `context` is one of the kubeconfig, "" the pod's
    own service account or the current one; `start_seconds` is how long a pod may take to start."""

    prefix: str = "caseway-"
    registry: str = ""
    pull_secret: str = ""
    gpu_label: str = GPU_LABEL
    egress: tuple[str, ...] = EVERYWHERE
    runtime_class: str = ""
    context: str = ""
    start_seconds: float = 300.0


def settings_from(environment: Mapping[str, str]) -> ClusterSettings:
    """The settings of CASEWAY_KUBERNETES_* variables. Raises `CasewayError` (`setting`)."""
    default = ClusterSettings()
    prefix = environment.get("CASEWAY_KUBERNETES_NAMESPACE_PREFIX") or default.prefix
    if not _PREFIX.fullmatch(prefix):
        raise _wrong("CASEWAY_KUBERNETES_NAMESPACE_PREFIX", prefix, "lower case letters, digits and dashes")
    return ClusterSettings(
        prefix=prefix,
        registry=environment.get("CASEWAY_KUBERNETES_REGISTRY", "").rstrip("/"),
        pull_secret=environment.get("CASEWAY_KUBERNETES_PULL_SECRET", ""),
        gpu_label=environment.get("CASEWAY_KUBERNETES_GPU_LABEL") or default.gpu_label,
        egress=_networks(environment.get("CASEWAY_KUBERNETES_EGRESS", "")) or default.egress,
        runtime_class=environment.get("CASEWAY_KUBERNETES_RUNTIME_CLASS", ""),
        context=environment.get("CASEWAY_KUBERNETES_CONTEXT", ""),
        start_seconds=_seconds(
            environment.get("CASEWAY_KUBERNETES_START_SECONDS", ""), default.start_seconds
        ),
    )


def _networks(text: str) -> tuple[str, ...]:
    found = [part.strip() for part in text.split(",") if part.strip()]
    for part in found:
        try:
            asked = ipaddress.ip_network(part)
        except ValueError as error:
            raise _wrong("CASEWAY_KUBERNETES_EGRESS", part, f"networks by commas; {error}") from error
        if any(_is_within(asked, ipaddress.ip_network(never)) for never in NEVER):
            raise _wrong("CASEWAY_KUBERNETES_EGRESS", part, "networks without a machine's own surroundings")
    return tuple(found)


def _is_within(inner: _Block, outer: _Block) -> bool:
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


def _seconds(text: str, default: float) -> float:
    if not text:
        return default
    if not re.fullmatch(r"\d{1,6}", text) or int(text) == 0:
        raise _wrong("CASEWAY_KUBERNETES_START_SECONDS", text, "a whole number of seconds above 0")
    return float(text)


def _wrong(name: str, value: str, expected: str) -> CasewayError:
    return CasewayError(f"{name} is {value!r}", code="setting", hint=f"expected: {expected}")
