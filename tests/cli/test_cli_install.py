"""Instances that no project declares: installed, cloned, promoted; and what each shows of its deployments."""

from __future__ import annotations

import pytest
from cli_world import commit, edit

USE_CASE = "use-cases/hello/usecase.yaml"
HELLO = "use-cases/hello/workflows/hello.yaml"


@pytest.fixture
def personal(caseway, project):
    """A process of which everybody may have an instance; nobody has one yet but the project."""
    edit(project / USE_CASE, "  workflows:", "  processType: personal\n  workflows:")
    commit(project, "personal")
    assert caseway("apply", "--yes").code == 0
    return project


def instance(caseway, name):
    return caseway("instance", "get", name, "--format", "json").json


def test_a_process_is_installed_with_parameters_and_runs(caseway, personal):
    said = caseway("instance", "install", "hello", "anns", "--owner", "ann", "-p", "greeting=Ahoy")
    assert said.code == 0
    assert "active" in said.out
    ran = caseway("trigger", "anns", "hello", "--input", '{"name": "Bo"}', "--format", "json").json
    assert ran["output"]["text"].startswith("Ahoy")
    assert caseway("plan", "--detailed-exitcode").code == 0


def test_its_name_says_what_and_whose_it_is(caseway, personal):
    made = caseway("instance", "install", "hello", "--owner", "ann", "--format", "json").json
    assert (made["name"], made["phase"], made["version"]) == ("hello-dev-ann", "active", "1.0.0")


def test_only_one_for_each_user_and_stage(caseway, personal):
    assert caseway("instance", "install", "hello", "one", "--owner", "ann").code == 0
    again = caseway("instance", "install", "hello", "two", "--owner", "ann", "--format", "json")
    assert again.json["error"]["code"] == "one-instance"


def test_what_follows_moves_with_the_repo_and_what_is_pinned_stays(caseway, personal):
    assert caseway("instance", "install", "hello", "follows", "--owner", "ann").code == 0
    assert caseway("instance", "install", "hello", "pinned", "--owner", "bob", "--version", "1.0.0").code == 0
    edit(personal / HELLO, '"world"', '"everybody"')
    commit(personal, "edit")
    assert caseway("apply", "--yes").code == 0
    assert instance(caseway, "follows")["version"] == "1.0.1"
    stays = instance(caseway, "pinned")
    assert (stays["version"], stays["updateAvailable"], stays["pinned"]) == ("1.0.0", "1.0.1", True)


def test_a_clone_keeps_parameters_and_nothing_that_is_personal(caseway, personal):
    install = ("instance", "install", "hello", "anns", "--owner", "ann", "-p", "greeting=Ahoy")
    assert caseway(*install).code == 0
    assert caseway("instance", "share", "anns", "--user", "cy=viewer").code == 0
    copy = caseway("instance", "clone", "anns", "bobs", "--owner", "bob", "--format", "json").json
    assert (copy["owner"], copy["parameters"], copy["sharing"]) == ("bob", {"greeting": "Ahoy"}, {})
    assert (copy["version"], copy["conditions"]) == ("", ["NotDeployed"])
    assert caseway("instance", "deploy", "bobs").code == 0
    assert instance(caseway, "bobs")["phase"] == "active"
    assert "bobs" in caseway("instance", "clone", "anns", "bobs2", "--owner", "bob").err


def test_promoting_asks_whose_when_several_people_have_one(caseway, personal):
    assert caseway("instance", "install", "hello", "--owner", "ann").code == 0
    asked = caseway("process", "promote", "hello", "prod", "--format", "json")
    assert asked.json["error"]["code"] == "which-owner"
    assert caseway("process", "get", "hello", "--format", "json").json["published"] == ""
    made = caseway("process", "promote", "hello", "prod", "--owner", "ann", "--format", "json").json
    assert (made["name"], made["stage"], made["phase"]) == ("hello-prod", "prod", "active")
    assert instance(caseway, "hello-dev-ann")["autoPausedBy"] == "prod"
    other = instance(caseway, "hello")["owner"]
    more = caseway("process", "promote", "hello", "prod", "--owner", other, "--format", "json").json
    assert more["name"] == f"hello-prod-{other}"


def test_get_shows_the_latest_attempt_with_its_six_steps(caseway, personal):
    [name] = [item["name"] for item in caseway("instance", "list", "--format", "json").json["instances"]]
    assert caseway("instance", "update", name, "-p", "greeting=Moin").code == 0
    text = caseway("instance", "get", name).out
    for step in ("validate", "resolve", "render", "publish", "switch", "retire"):
        assert f"{step} " in text
    [latest] = instance(caseway, name)["deployments"]
    assert len(latest["steps"]) == 6
    assert {
        "instanceId", "deploymentId", "version", "resources", "namespace", "name", "worker", "webhooks",
        "deployedAt",
    } <= set(latest["result"])  # fmt: skip
    both = caseway("instance", "get", name, "--deployments", "--format", "json").json["deployments"]
    assert [item["status"] for item in both] == ["deployed", "superseded"]


def test_a_failed_update_stays_on_the_old_version_until_it_is_tried_by_hand(caseway, personal):
    [name] = [item["name"] for item in caseway("instance", "list", "--format", "json").json["instances"]]
    assert caseway("instance", "install", "hello", "--owner", "ann", "-p", "greeting=Ahoy").code == 0
    edit(personal / USE_CASE, "type: string", "type: integer")
    edit(personal / USE_CASE, "default: Hello", "default: 4")
    commit(personal, "another type")
    caseway("apply", "--yes")
    assert instance(caseway, name)["version"] == "2.0.0"
    stays = instance(caseway, "hello-dev-ann")
    assert (stays["phase"], stays["version"], stays["updateAvailable"]) == ("active", "1.0.0", "2.0.0")
    assert caseway("plan", "--detailed-exitcode").code == 0
    tried = caseway("instance", "deploy", "hello-dev-ann", "--version", "2.0.0", "--format", "json")
    assert (tried.code, tried.json["error"]["code"]) == (1, "parameter-type-changed")
    update = ("instance", "update", "hello-dev-ann", "-p", "greeting=7", "--version", "2.0.0")
    assert caseway(*update).code == 0
    assert instance(caseway, "hello-dev-ann")["version"] == "2.0.0"
