"""What a plan is told of a Docker engine: its machine, and where images are, without pulling any."""

from __future__ import annotations

import secrets

import pytest
from test_containers_spec_examples import registry

from caseway.cli.engine_facts import ask_engine
from caseway.cli.serving import Working, working
from caseway.containers.engine import Address, Engine
from caseway.containers.facts import docker_facts, where_is
from caseway.containers.images import find_image
from caseway.model.engine_facts import EngineFacts, EngineKind, Presence
from caseway.platform.compose import open_platform
from caseway.targets.registry import TARGETS

__all__ = ["registry"]  # a fixture

pytestmark = pytest.mark.timeout(600)


def test_an_engine_tells_what_its_machine_has(engine, runtime_image):
    facts = docker_facts(engine, {runtime_image})
    assert (facts.kind, facts.problem, facts.place) == (EngineKind.DOCKER, "", engine.address.url)
    assert facts.cpus >= 1
    assert facts.memory_bytes > 10**8
    assert facts.has_gpus is False
    assert facts.presence(runtime_image) is Presence.HERE


def test_what_a_command_or_a_build_makes_is_not_looked_for_elsewhere(engine):
    made = where_is(engine, f"caseway/acme-tools:{secrets.token_hex(8)}")
    assert (made.presence, "any more" in made.detail) == (Presence.NOWHERE, True)


def test_a_registry_is_asked_and_nothing_is_pulled(engine, runtime_image, registry):
    name = f"{registry}/tools:{secrets.token_hex(4)}"
    assert where_is(engine, name).presence is Presence.NOWHERE
    repository, _, tag = name.rpartition(":")
    engine.client.api.tag(runtime_image, repository, tag)
    engine.client.api.push(repository, tag=tag)
    engine.client.api.remove_image(name, noprune=True)
    assert where_is(engine, name).presence is Presence.TO_PULL
    assert find_image(engine, name) is None


def test_a_registry_that_cannot_be_asked_leaves_it_open(engine):
    found = where_is(engine, "registry.invalid/tools:1")
    assert (found.presence, "did not tell" in found.detail) == (Presence.UNKNOWN, True)


def test_an_engine_that_is_not_there_is_told_and_nothing_is_raised(tmp_path):
    away = Engine(Address(f"unix://{tmp_path}/no.sock"))
    facts = docker_facts(away, {"x:1"})
    assert (facts.kind, facts.images) == (EngineKind.DOCKER, {})
    assert "No such file" in facts.problem


def test_a_cluster_is_never_asked_for_its_nodes(monkeypatch, tmp_path):
    monkeypatch.setenv("CASEWAY_EXECUTOR", "kubernetes")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    monkeypatch.delenv("CASEWAY_KUBERNETES_REGISTRY", raising=False)
    alone = ask_engine(frozenset({"x:1"}))
    assert (alone.kind, alone.bounds_disk, alone.cpus) == (EngineKind.KUBERNETES, True, 0)
    assert "CASEWAY_KUBERNETES_REGISTRY" in alone.refuses_builds
    monkeypatch.setenv("CASEWAY_KUBERNETES_REGISTRY", "registry.example.com")
    with_registry = ask_engine(frozenset({"x:1"}))
    assert (with_registry.refuses_builds, bool(with_registry.problem)) == ("", True)


def test_a_process_that_serves_on_a_cluster_builds_and_plans_for_it(monkeypatch, tmp_path):
    monkeypatch.setenv("CASEWAY_EXECUTOR", "docker")  # put back afterwards, whatever is said here
    asked = Working(1, 1.0, processes=False, executor="kubernetes")
    with (
        open_platform(f"sqlite:///{tmp_path / 'state.db'}", targets=TARGETS) as platform,
        working(platform, asked),
    ):
        assert ask_engine(frozenset()).kind is EngineKind.KUBERNETES


def test_nobody_is_asked_by_default():
    assert EngineFacts().kind is EngineKind.UNASKED
