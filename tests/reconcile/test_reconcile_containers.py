"""What a plan says and does about containers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from caseway.model.desired import Desired
from caseway.model.engine_facts import EngineFacts, EngineKind, ImageFact, Presence
from caseway.model.plan import Plan
from caseway.model.snapshot import Snapshot
from caseway.reconcile.deployability import bases_of, shortcomings
from caseway.reconcile.plan import plan
from caseway.reconcile.resources import images_needed
from reconcile.builders import a_body, a_desired, a_resource, a_use_case, an_instance, applied, ids

DOCKER = EngineFacts(EngineKind.DOCKER, "unix:///engine", cpus=4.0, memory_bytes=8 * 10**9, has_gpus=False)
CLUSTER = EngineFacts(EngineKind.KUBERNETES, "the cluster", bounds_disk=True)
SMALL = {"memory": "1GB", "disk": "500MB"}
DEFAULT = "caseway/runtime:default"


def engine(facts: EngineFacts = DOCKER, /, **images: tuple[Presence, str]) -> EngineFacts:
    """An engine with these images, by the first part of their names."""
    return replace(facts, images={f"{name}:1": ImageFact(*fact) for name, fact in images.items()})


def a_project(resources: dict[str, Any] | None = None, **runtime: Any) -> Desired:
    """One use case in containers of the runtime `tools`."""
    body = a_body(container={}, runtime="tools", resources=resources or SMALL)
    tools = a_resource("tools", **(runtime or {"baseImage": "base:1"}))
    return a_desired(a_use_case(body=body), an_instance(), runtimes=(tools,))


def warning(made: Plan, action: str) -> str:
    (found,) = [item.warning for item in made.actions if item.id == action]
    return found


def built(project: Desired, image: str = "caseway/acme-tools:0123456789abcdef") -> Snapshot:
    """The platform after it was applied, the runtime's image built."""
    there = applied(project)
    (tools,) = project.runtimes
    return replace(
        there, runtimes={"tools": replace(there.runtimes["tools"], built=tools.digest, image=image)}
    )


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        (SMALL, []),
        ({"memory": "1GB", "disk": "5GB"}, ["disk 5GB cannot be bounded"]),
        ({}, ["disk 5GB cannot be bounded"]),
        ({**SMALL, "cpu": 4}, []),
        ({**SMALL, "cpu": 4.5}, ["cpu 4.5 is more than the engine has: executions get 4"]),
        ({"memory": "9GB", "disk": "1GB"}, ["memory 9GB is more than the engine has, which is 8000 MB"]),
        ({"memory": "4GB", "disk": "1GB", "gpu": 2}, ["gpu 2 needs an engine with a GPU driver, and this"]),
    ],
)
def test_what_an_engine_has_not_or_will_not_hold_to_is_said(resources, expected):
    said = list(shortcomings(resources, DOCKER, is_default=False))
    assert len(said) == len(expected)
    assert all(one.startswith(start) for one, start in zip(said, expected, strict=True))


def test_a_cluster_bounds_the_disk_and_only_it_knows_its_nodes():
    assert list(shortcomings({"disk": "5GB", "cpu": 64, "memory": "1TB"}, CLUSTER, is_default=True)) == []
    (said,) = shortcomings({"gpu": 1}, CLUSTER, is_default=True)
    assert "is not known here" in said


def test_nothing_is_said_of_an_engine_that_nobody_asked():
    assert list(shortcomings({"gpu": 9, "cpu": 999}, EngineFacts(), is_default=True)) == []


def test_an_engine_is_asked_only_for_what_runs_in_containers():
    outside = a_desired(a_use_case(runtime="tools"), runtimes=(a_resource("tools", image="img:1"),))
    assert images_needed(outside, Snapshot(revision=0)) is None
    assert images_needed(a_project(), Snapshot(revision=0)) == {"base:1"}
    assert images_needed(a_project(), built(a_project(), "made:1")) == {"base:1", "made:1"}
    default = a_desired(a_use_case(body=a_body(container={}, runtime="default")))
    assert images_needed(default, Snapshot(revision=0)) == {DEFAULT}


def test_the_images_of_a_dockerfile_are_those_that_are_no_stages_of_it():
    text = (
        "ARG BASE=x\nFROM golang:1 AS build\nRUN make\nfrom --platform=linux/amd64 alpine:3\n"
        "FROM scratch\nFROM build\nFROM ${BASE}\n"
    )
    assert bases_of({"dockerfile": "Dockerfile", "files": {"Dockerfile": text}}) == ("golang:1", "alpine:3")


def test_a_runtime_whose_base_is_nowhere_blocks_the_plan():
    facts = engine(base=(Presence.NOWHERE, "neither here nor there"))
    made = plan(a_project(), Snapshot(revision=0), engine=facts)
    assert made.blocked == ("runtime 'tools' cannot be built: image base:1: neither here nor there",)


def test_a_runtime_whose_base_could_not_be_looked_for_is_a_warning():
    made = plan(a_project(), Snapshot(revision=0), engine=engine(base=(Presence.UNKNOWN, "no answer")))
    assert (made.blocked, warning(made, "build-runtime:tools")) == ((), "image base:1: no answer")


@pytest.mark.parametrize("presence", [Presence.HERE, Presence.TO_PULL])
def test_a_runtime_that_can_be_built_is_built_without_a_word(presence):
    made = plan(a_project(), Snapshot(revision=0), engine=engine(base=(presence, "")))
    assert (made.blocked, made.notices, warning(made, "build-runtime:tools")) == ((), (), "")


def test_an_engine_that_does_not_answer_is_told_once_and_blocks_nothing():
    facts = EngineFacts(EngineKind.DOCKER, "unix:///engine", problem="nobody there")
    made = plan(a_project(), Snapshot(revision=0), engine=facts)
    (notice,) = made.notices
    assert "unix:///engine" in notice
    assert "nobody there" in notice
    assert made.blocked == ()
    assert "before the container engine" in warning(made, "build-runtime:tools")
    again = plan(a_project(), built(a_project()), engine=facts)
    assert (again.is_empty, again.notices) == (True, ())


def test_an_image_that_is_gone_from_the_engine_is_built_again():
    image = "made:1"
    there = built(a_project(), image)
    gone = plan(a_project(), there, engine=engine(base=(Presence.HERE, ""), made=(Presence.NOWHERE, "")))
    assert ids(gone) == ["build-runtime:tools"]
    assert "gone" in gone.actions[0].reason
    assert plan(a_project(), there, engine=engine(made=(Presence.HERE, ""))).is_empty
    assert plan(a_project(), there, engine=engine(CLUSTER, made=(Presence.NOWHERE, ""))).is_empty


def test_a_cluster_without_a_registry_takes_ready_images_only():
    facts = replace(CLUSTER, refuses_builds="name a registry")
    refused = plan(a_project(), Snapshot(revision=0), engine=facts)
    assert refused.blocked == ("runtime 'tools' cannot be built: name a registry",)
    ready = a_project(image="img:1", packages={"system": [], "python": []})
    assert plan(ready, Snapshot(revision=0), engine=facts).blocked == ()


def test_the_default_runtime_is_each_engine_s_own_and_made_by_a_command():
    body = a_body(container={}, runtime="default", resources=SMALL)
    project = a_desired(a_use_case(body=body), an_instance())
    missing = replace(DOCKER, images={DEFAULT: ImageFact(Presence.NOWHERE)})
    made = plan(project, Snapshot(revision=0), engine=missing)
    assert "caseway runtime base" in warning(made, "deploy-deployment:invoice-dev")
    there = replace(DOCKER, images={DEFAULT: ImageFact(Presence.HERE)})
    assert warning(plan(project, Snapshot(revision=0), engine=there), "deploy-deployment:invoice-dev") == ""


def test_what_a_version_names_and_nobody_declares_blocks_the_plan():
    body = a_body(container={}, runtime="tools", connections=["erp"], resources=SMALL)
    made = plan(a_desired(a_use_case(body=body), an_instance()), Snapshot(revision=0))
    assert [said.partition(" of ")[0] for said in made.blocked] == [
        "invoice-dev: connection 'erp'",
        "invoice-dev: runtime 'tools'",
    ]
