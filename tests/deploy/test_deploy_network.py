"""Who may speak to whom in Caseway's namespace, worked out from the network policies."""

from __future__ import annotations

from typing import Any

import pytest
from deploy_world import of_kind, workloads

from caseway.containers.kubernetes.settings import EVERYWHERE, NEVER

POLICIES = [item["spec"] for item in of_kind("NetworkPolicy")]
PODS = {item["metadata"]["name"]: item["spec"]["template"]["metadata"]["labels"] for item in workloads()}
PORTS = {"caseway-web": 8080, "postgres": 5432, "redis": 6379}


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a label selector chooses a pod."""
    wanted: dict[str, str] = selector.get("matchLabels", {})
    if not wanted.items() <= labels.items():
        return False
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions)
    return all(labels.get(one["key"]) in one["values"] for one in expressions)


def allowed(way: str, pod: str, port: int) -> list[dict[str, Any]]:
    """The peers that the policies of a pod let through at that port."""
    mine = [one for one in POLICIES if selects(one["podSelector"], PODS[pod])]
    assert any(way.title() in one["policyTypes"] for one in mine), "not closed at all"
    rules = [rule for one in mine for rule in one.get(way, [])]
    at_port = [
        rule for rule in rules if "ports" not in rule or port in {known["port"] for known in rule["ports"]}
    ]
    return [peer for rule in at_port for peer in rule["from" if way == "ingress" else "to"]]


def reaches(source: str, target: str) -> bool:
    """Whether one pod of the namespace may open a connection to another."""

    def is_met(peers: list[dict[str, Any]], other: str) -> bool:
        return any(
            selects(peer.get("podSelector", {}), PODS[other])
            for peer in peers
            if "ipBlock" not in peer and peer.get("namespaceSelector", {}) == {}
        )

    port = PORTS[target]
    out, into = allowed("egress", source, port), allowed("ingress", target, port)
    return is_met(out, target) and is_met(into, source)


@pytest.mark.parametrize(
    ("target", "sources"),
    [
        ("postgres", {"caseway-web", "caseway-worker", "caseway-migrate"}),
        ("redis", {"caseway-web", "caseway-worker"}),
    ],
)
def test_stores_hear_caseway_alone(target, sources):
    assert {name for name in PODS if reaches(name, target)} == sources
    peers = allowed("ingress", target, PORTS[target])
    assert all(set(peer) == {"podSelector"} for peer in peers)


@pytest.mark.parametrize("name", ["postgres", "redis", "caseway-migrate"])
def test_stores_and_the_migration_reach_nothing_outside(name):
    assert [peer for peer in allowed("egress", name, 443) if "ipBlock" in peer] == []


@pytest.mark.parametrize("name", ["caseway-worker", "caseway-migrate"])
def test_nobody_calls_workers(name):
    assert allowed("ingress", name, 8080) == []


def test_servers_are_called_at_their_port_alone():
    assert allowed("ingress", "caseway-web", 8080) == [{"namespaceSelector": {}}]
    assert allowed("ingress", "caseway-web", 22) == []


@pytest.mark.parametrize("name", ["caseway-web", "caseway-worker"])
def test_what_reaches_out_never_reaches_what_tells_a_machine_its_secrets(name):
    blocks = [peer["ipBlock"] for peer in allowed("egress", name, 443) if "ipBlock" in peer]
    assert {block["cidr"] for block in blocks} == set(EVERYWHERE)
    assert {never for block in blocks for never in block["except"]} == set(NEVER)


@pytest.mark.parametrize("name", sorted(PODS))
def test_everybody_may_ask_for_names(name):
    assert any("namespaceSelector" in peer for peer in allowed("egress", name, 53))
