"""Images for a cluster: ready ones are taken as they are, built ones are pushed and named by digest."""

from __future__ import annotations

from typing import Any

import pytest
from test_containers_spec_examples import registry

from caseway.cli.cluster_images import image_for_cluster
from caseway.cli.engine import build_image
from caseway.containers.engine import Address, Engine
from caseway.containers.errors import ContainerFailed
from caseway.containers.images import find_image, pull_image, remove_image
from caseway.containers.kubernetes.manifests import image_of
from caseway.model.errors import CasewayError
from caseway.platform.building import BuildRequest, BuiltImage

__all__ = ["registry"]  # a fixture
DOCKERFILE = "FROM {base}\nUSER 0:0\nRUN echo {word} >/etc/word\n"


def a_request(**body: Any) -> BuildRequest:
    return BuildRequest("clusters", "pushed", body)


def from_dockerfile(base: str, word: str = "") -> BuildRequest:
    return a_request(dockerfile="Dockerfile", files={"Dockerfile": DOCKERFILE.format(base=base, word=word)})


def nobody() -> Engine:
    raise AssertionError("no engine is needed")


def made_for(engine: Engine, request: BuildRequest) -> BuiltImage:
    return image_for_cluster(request, lambda: Engine(engine.address), lambda line: None)


def test_a_ready_image_needs_no_engine_and_no_registry():
    name = "registry.example.com/acme/tools@sha256:" + "0" * 64
    made = image_for_cluster(
        a_request(image=name, packages={"system": [], "python": []}), nobody, lambda line: None
    )
    assert (made.image, made.image_id) == (name, "")
    assert made.inputs


def test_a_platform_whose_workers_use_a_cluster_builds_for_it(monkeypatch, tmp_path):
    monkeypatch.setenv("CASEWAY_EXECUTOR", "kubernetes")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    assert build_image(a_request(image="acme/tools:1"), lambda line: None).image == "acme/tools:1"


def test_what_must_be_built_needs_a_registry(monkeypatch):
    monkeypatch.delenv("CASEWAY_KUBERNETES_REGISTRY", raising=False)
    with pytest.raises(CasewayError) as refused:
        image_for_cluster(from_dockerfile("x"), nobody, lambda line: None)
    assert refused.value.code == "setting"
    assert "CASEWAY_KUBERNETES_REGISTRY" in refused.value.hint


def test_what_must_be_built_where_no_engine_is_is_said_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("CASEWAY_KUBERNETES_REGISTRY", "registry.example.com")
    away = Engine(Address(f"unix://{tmp_path}/no.sock"))
    with pytest.raises(CasewayError) as refused:
        made_for(away, from_dockerfile("x"))
    assert refused.value.code == "no-engine"
    assert "spec.image" in refused.value.hint


def test_a_built_image_is_pushed_and_is_pulled_again_by_its_digest(
    engine,
    runtime_image,
    registry,
    monkeypatch,
):
    monkeypatch.setenv("CASEWAY_KUBERNETES_REGISTRY", registry)
    made = made_for(engine, from_dockerfile(runtime_image, "kept"))
    assert made.image.startswith(f"{registry}/caseway/clusters-pushed@sha256:")
    assert image_of(made.image, "another.example.com") == made.image
    own = find_image(engine, made.image_id)
    assert own is not None
    assert all(not tag.startswith(registry) for tag in own.tags)
    for tag in own.tags:
        remove_image(engine, tag)
    assert pull_image(engine, made.image).id == made.image_id
    remove_image(engine, made.image)


def test_a_registry_that_does_not_take_it_is_a_failed_build(engine, runtime_image, monkeypatch):
    monkeypatch.setenv("CASEWAY_KUBERNETES_REGISTRY", "127.0.0.1:9")
    said: list[str] = []
    with pytest.raises(ContainerFailed) as refused:
        image_for_cluster(
            from_dockerfile(runtime_image, "refused"), lambda: Engine(engine.address), said.append
        )
    assert refused.value.code == "build-failed"
    assert "docker login" in refused.value.hint
    there = said[-1].removeprefix("pushing ")
    assert find_image(engine, there) is None
    assert remove_image(engine, there.removeprefix("127.0.0.1:9/"))
