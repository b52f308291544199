"""`caseway fmt` and `caseway upgrade`: files are rewritten, and say the same."""

from __future__ import annotations

import json

import pytest
from cli_world import edit

from caseway.repo.layout import laid_out
from caseway.repo.parse import parse

USE_CASE = "use-cases/hello/usecase.yaml"
OLD = """\
# how it was
apiVersion: caseway/v1alpha1
kind: Instance
metadata: {name: old}
spec:
  process: hello   # the use case
  environment: prod
  active: true
  params: {greeting: Hi}
"""
NEW = """\
# how it was
apiVersion: caseway/v1
kind: Instance
metadata: {name: old}
spec:
  useCase: hello   # the use case
  stage: prod
  enabled: true
  parameters: {greeting: Hi}
"""
SHUFFLED = (
    "# top\nkind: Instance\n\n\n\n# ours\nspec:   \n  useCase: hello\n"
    "metadata: {name: i}\napiVersion: caseway/v1"
)
ORDERED = (
    "# top\napiVersion: caseway/v1\nkind: Instance\n\nmetadata: {name: i}\n# ours\nspec:\n  useCase: hello\n"
)


def instance(project, text, name="i.yaml"):
    file = project / "instances" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def test_an_older_document_is_written_as_it_is_now(caseway, project):
    file = instance(project, OLD)
    assert caseway("validate").code == 1
    said = caseway("upgrade", "--format", "json")
    assert [item["file"] for item in said.json["upgraded"]] == ["instances/i.yaml"]
    assert file.read_text() == NEW
    assert caseway("validate").code == 0


def test_an_upgrade_can_be_looked_at_first(caseway, project):
    file = instance(project, OLD)
    assert "+apiVersion: caseway/v1" in caseway("upgrade", "--dry-run").out
    assert file.read_text() == OLD


def test_a_current_project_needs_no_upgrade(caseway, project):
    assert caseway("upgrade", "--format", "json").json == {"upgraded": [], "dryRun": False}


def test_the_error_about_an_older_document_names_the_way_out(caseway, project):
    instance(project, OLD)
    found = caseway("validate", "--format", "json").json["diagnostics"]
    assert any("caseway upgrade" in item["hint"] for item in found)


def test_an_upgrade_leaves_a_key_alone_whose_new_name_is_taken(caseway, project):
    file = instance(project, NEW + "  params: {greeting: No}\n")
    caseway("upgrade")
    assert "params: {greeting: No}" in file.read_text()


def test_files_are_laid_out(caseway, project):
    file = instance(project, SHUFFLED)
    assert caseway("fmt").code == 0
    assert file.read_text().replace("\n\n", "\n") == ORDERED.replace("\n\n", "\n")
    assert caseway("fmt", "--check").code == 0
    assert caseway("validate", "--strict").code == 0


def test_json_is_laid_out_with_two_spaces(caseway, project):
    value = {
        "kind": "Instance",
        "spec": {"useCase": "hello"},
        "apiVersion": "caseway/v1",
        "metadata": {"name": "i"},
    }
    file = instance(project, json.dumps(value), "i.json")
    caseway("fmt")
    assert file.read_text().startswith('{\n  "apiVersion": "caseway/v1",\n  "kind"')
    assert json.loads(file.read_text()) == value


def test_check_says_which_file_and_writes_nothing(caseway, project):
    file = instance(project, SHUFFLED)
    said = caseway("fmt", "--check", "--format", "json")
    assert said.code == 1
    assert [item["file"] for item in said.json["formatted"]] == ["instances/i.yaml"]
    assert file.read_text() == SHUFFLED


@pytest.mark.parametrize("text", ["spec: |\n  a  \n  b\n", "a: 'x  \n\n\n\n  y'\n", "a: [\n", "- a\n"])
def test_what_would_say_something_else_is_left_as_it_is(text):
    after = laid_out(text, "x.yaml")
    assert [each.value for each in parse(after.encode(), "x.yaml")] == [
        each.value for each in parse(text.encode(), "x.yaml")
    ]


def test_the_scaffold_is_laid_out(caseway, project):
    assert caseway("fmt", "--check").code == 0


def test_layout_does_not_change_a_digest(caseway, project):
    caseway("apply", "--yes")
    edit(project / USE_CASE, "spec:\n", "spec:   \n\n\n\n")
    caseway("fmt")
    assert caseway("diff", "--detailed-exitcode").code == 0
