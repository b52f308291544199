"""From an empty folder to a running use case."""

from __future__ import annotations

import json
import subprocess

from cli_world import edit, git


def test_an_empty_folder_becomes_a_project_whose_use_case_runs(caseway, folder):
    assert caseway("init").code == 0
    assert caseway("new", "use-case", "hello").code == 0
    validated = caseway("validate", "--strict", "--format", "json")
    assert validated.code == 0, validated.out
    assert validated.json == {"valid": True, "diagnostics": []}
    assert caseway("test").code == 0
    assert caseway("apply", "--yes").code == 0
    triggered = caseway("trigger", "hello", "--input", '{"name": "Ann"}', "--format", "json")
    assert triggered.code == 0, triggered.out
    assert triggered.json["output"] == {"text": "Hello, Ann!"}
    daily = caseway("trigger", "hello", "daily", "--run-now", "--format", "json")
    assert daily.json["output"] == {"last": "Hello, Linus!", "greeted": 3}


def test_init_makes_a_git_repository_that_ignores_the_state(caseway, folder):
    said = caseway("init", "shop", "--format", "json")
    assert said.json["project"] == "shop"
    assert said.json["git"] is True
    assert (folder / "shop" / ".git").is_dir()
    assert ".caseway/" in (folder / "shop" / ".gitignore").read_text()


def test_init_leaves_an_existing_repository_and_gitignore_as_they_are(caseway, folder):
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (folder / ".gitignore").write_text("*.tmp\n")
    said = caseway("init", "--format", "json")
    assert said.json["git"] is False
    assert (folder / ".gitignore").read_text() == "*.tmp\n.caseway/\n"


def test_init_refuses_a_project(caseway, project):
    said = caseway("init", "--format", "json")
    assert said.code == 1
    assert said.json["error"]["code"] == "exists"


def test_init_makes_a_legal_name_from_the_folder_s(caseway, folder):
    assert caseway("init", "My Shop!", "--no-git", "--format", "json").json["project"] == "my-shop"


def test_a_given_name_that_is_not_legal_is_refused_with_one_that_is(caseway, folder):
    said = caseway("init", "--name", "My Shop", "--format", "json")
    assert said.code == 1
    assert "my-shop" in said.json["error"]["hint"]


def test_new_use_case_outside_a_project_says_what_to_do(caseway, folder):
    said = caseway("new", "use-case", "hello", "--format", "json")
    assert said.code == 1
    assert "caseway init" in said.json["error"]["hint"]


def test_new_use_case_works_from_a_folder_inside_the_project(caseway, project, monkeypatch):
    monkeypatch.chdir(project / "use-cases")
    assert caseway("new", "use-case", "second", "--format", "json").code == 0
    assert (project / "use-cases" / "second" / "usecase.yaml").is_file()


def test_new_use_case_never_overwrites(caseway, project):
    edit(project / "use-cases/hello/usecase.yaml", "Greets", "Welcomes")
    assert caseway("new", "use-case", "hello").code == 1
    assert "Welcomes" in (project / "use-cases/hello/usecase.yaml").read_text()


def test_a_use_case_can_start_from_another(caseway, project):
    said = caseway(
        "new", "use-case", "welcome", "--starter", "hello", "--title", "Welcome", "--format", "json"
    )
    assert said.code == 0
    text = (project / "use-cases/welcome/usecase.yaml").read_text()
    assert "name: welcome" in text
    assert "title: Welcome" in text
    assert caseway("validate", "--strict").code == 0
    assert caseway("test", "use-cases/welcome").code == 0


def test_a_starter_that_is_not_there_is_named(caseway, project):
    said = caseway("new", "use-case", "welcome", "--starter", "nobody", "--format", "json")
    assert said.json["error"]["code"] == "not-found"


def test_applying_does_not_make_the_work_tree_dirty(caseway, project):
    assert caseway("apply", "--yes").code == 0
    assert git(project, "status", "--porcelain") == ""


def test_schema_prints_the_schema_of_a_kind(caseway, folder):
    schema = json.loads(caseway("schema", "UseCase").out)
    assert schema["$id"].endswith("use-case.schema.json")


def test_schema_lists_the_kinds(caseway, folder):
    assert {row["kind"] for row in caseway("schema", "--format", "json").json["schemas"]} >= {
        "Project",
        "Workflow",
    }
    assert "WorkflowTest" in caseway("schema").out


def test_completion_prints_a_script_for_each_shell(caseway, folder):
    for shell in ("bash", "zsh", "fish"):
        assert "_CASEWAY_COMPLETE" in caseway("completion", shell).out
        assert caseway("completion", shell, "--format", "json").json["shell"] == shell


def test_the_shell_is_told_the_commands(caseway, monkeypatch):
    monkeypatch.setenv("_CASEWAY_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "caseway exec")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert "executions" in caseway().out
