"""`--overlay NAME`: the same use cases for another organization."""

from __future__ import annotations

import pytest
from cli_world import edit

OVERLAY = """\
apiVersion: caseway/v1
kind: Overlay
metadata: {name: tenant-b}
spec:
  organization: tenant-b
  owner: ops
  useCases: [hel*]
---
apiVersion: caseway/v1
kind: Instance
metadata: {name: hello-b}
spec:
  useCase: hello
  parameters: {greeting: Servus}
"""


@pytest.fixture
def tenants(caseway, project):
    """A project of two use cases, one of which a second organization gets too."""
    assert caseway("new", "use-case", "other").code == 0
    folder = project / "overlays"
    folder.mkdir()
    (folder / "tenant-b.yaml").write_text(OVERLAY)
    return project


def instances(caseway, *words):
    found = caseway("instance", "list", "--format", "json", *words).json["instances"]
    return {(item["name"], item["owner"]) for item in found}


def test_an_overlay_is_valid_beside_the_project(caseway, tenants):
    assert caseway("validate", "--strict", "--format", "json").json == {"valid": True, "diagnostics": []}


def test_each_organization_has_its_own_instances(caseway, tenants):
    assert caseway("apply", "--yes").code == 0
    assert caseway("apply", "--yes", "--overlay", "tenant-b").code == 0
    assert instances(caseway) == {("hello", "local"), ("other", "local")}
    assert instances(caseway, "--overlay", "tenant-b") == {("hello-b", "ops")}
    said = caseway(
        "trigger", "hello-b", "--overlay", "tenant-b", "--input", '{"name": "Ann"}', "--format", "json"
    )
    assert said.json["output"] == {"text": "Servus, Ann!"}


def test_applying_one_organization_leaves_the_other_as_it_is(caseway, tenants):
    assert caseway("apply", "--yes").code == 0
    assert caseway("apply", "--yes", "--overlay", "tenant-b").code == 0
    assert caseway("plan", "--prune", "--detailed-exitcode").code == 0
    assert caseway("plan", "--prune", "--detailed-exitcode", "--overlay", "tenant-b").code == 0


def test_both_organizations_run_the_same_template(caseway, tenants):
    caseway("apply", "--yes")
    caseway("apply", "--yes", "--overlay", "tenant-b")
    one = caseway("process", "get", "hello", "--format", "json").json
    two = caseway("process", "get", "hello", "--format", "json", "--overlay", "tenant-b").json
    assert one["templates"][0]["digest"] == two["templates"][0]["digest"]


def test_what_an_overlay_s_instance_sets_is_checked(caseway, tenants):
    edit(tenants / "overlays/tenant-b.yaml", "greeting: Servus", "greeting: 5")
    [found] = caseway("validate", "--format", "json").json["diagnostics"]
    assert (found["file"], found["line"], found["code"]) == ("overlays/tenant-b.yaml", 14, "CW703")


def test_an_overlay_s_instance_of_a_use_case_that_it_does_not_get_is_told(caseway, tenants):
    edit(tenants / "overlays/tenant-b.yaml", "useCase: hello", "useCase: other")
    found = caseway("validate", "--format", "json").json["diagnostics"]
    assert "CW301" in {item["code"] for item in found}


def test_an_unknown_overlay_is_refused_with_those_there_are(caseway, tenants):
    said = caseway("plan", "--overlay", "tenant-c", "--format", "json")
    assert said.json["error"]["code"] == "no-such-overlay"
    assert "tenant-b" in said.json["error"]["hint"]


def test_an_overlay_for_the_project_s_own_organization_is_refused(caseway, tenants):
    edit(tenants / "overlays/tenant-b.yaml", "organization: tenant-b", "organization: acme")
    [found] = caseway("validate", "--format", "json").json["diagnostics"]
    assert found["code"] == "CW317"
