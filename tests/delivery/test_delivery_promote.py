"""Promotion by commit: one line moves, comments and layout stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from caseway.cli.main import cli
from caseway.delivery.promote import Pin, branch_pin, commit_pin, pin
from caseway.model.errors import CasewayError
from caseway.repo.read import read
from delivery.git_world import a_bare, a_clone, commit, git
from delivery.watched import a_project
from github.github_fake import ANN, FakeGitHub

INSTANCE = """\
# who pays: finance
apiVersion: caseway/v1
kind: Instance
metadata: {name: hello-prod}   # do not rename
spec:
  useCase: hello
  stage:   prod
  version: "1.0.0"   # moved by promote
  parameters: {}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = a_project(a_clone(tmp_path / "work", str(a_bare(tmp_path / "bare.git"))), "hello")
    (folder / "instances").mkdir()
    return folder


def declared(root: Path, text: str) -> Path:
    file = root / "instances" / "prod.yaml"
    file.write_text(text)
    commit(root, "declare")
    return file


def test_the_pin_moves_and_nothing_else(root: Path) -> None:
    file = declared(root, INSTANCE)
    change = pin(root, "hello", "prod", "1.1.0")
    made = commit_pin(change)

    assert file.read_text() == INSTANCE.replace('"1.0.0"', '"1.1.0"')
    assert git(root, "show", "--format=%s", "--name-only", made).split("\n") == [
        "Promote hello 1.1.0 to prod",
        "",
        "instances/prod.yaml",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  version: 1.0.0\n", "  version: 1.1.0\n"),
        ("  version: '^1.0'\n", "  version: '1.1.0'\n"),
        ('  version: "*" # all\n', '  version: "1.1.0" # all\n'),
    ],
)
def test_however_the_version_is_written(root: Path, before: str, after: str) -> None:
    text = INSTANCE.replace('  version: "1.0.0"   # moved by promote\n', before)
    declared(root, text)
    assert pin(root, "hello", "prod", "1.1.0").text == text.replace(before, after)


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: caseway/v1\nkind: Instance\nmetadata: {name: p}\nspec: {useCase: hello, stage: prod}\n",
        "apiVersion: caseway/v1\nkind: Instance\nmetadata: {name: p}\n"
        "spec:\n    stage: prod\n    useCase: hello\n",
        '{"apiVersion": "caseway/v1", "kind": "Instance", "metadata": {"name": "p"},\n'
        ' "spec": {"useCase": "hello", "stage": "prod", "version": "1.0.0"}}\n',
    ],
)
def test_one_without_a_version_or_in_another_shape_gets_it(root: Path, text: str) -> None:
    declared(root, text)
    change = pin(root, "hello", "prod", "1.1.0")
    commit_pin(change)
    [desired] = read(root).desired
    assert [(item.name, item.version) for item in desired.instances if item.stage == "prod"] == [
        ("p", "1.1.0")
    ]
    assert "stage" in change.text


def test_of_several_documents_in_a_file_the_right_one_changes(root: Path) -> None:
    other = INSTANCE.replace("prod", "dev").replace("1.0.0", "0.9.0")
    declared(root, f"{other}---\n{INSTANCE}")
    assert pin(root, "hello", "prod", "1.1.0").text == f"{other}---\n{INSTANCE.replace('1.0.0', '1.1.0')}"


def test_a_stage_without_an_instance_gets_a_document(root: Path) -> None:
    commit(root)
    commit_pin(pin(root, "hello", "prod", "1.1.0"))
    reading = read(root)
    assert not [item for item in reading.diagnostics if item.severity == "error"]
    assert ("hello-prod", "prod", "1.1.0") in [
        (item.name, item.stage, item.version) for item in reading.desired[0].instances
    ]


def test_a_branch_leaves_the_work_tree_as_it_is(root: Path) -> None:
    declared(root, INSTANCE)
    (root / "use-cases/hello/usecase.yaml").write_text("# half done\n")
    before = git(root, "status", "--porcelain")
    branch_pin(pin_of_head(root), "promote/hello")

    assert git(root, "status", "--porcelain") == before
    assert '"1.1.0"' in git(root, "show", "promote/hello:instances/prod.yaml")
    assert git(root, "diff", "--name-only", "HEAD", "promote/hello") == "instances/prod.yaml"


def pin_of_head(root: Path) -> Pin:
    text = (root / "use-cases/hello/usecase.yaml").read_text()
    git(root, "checkout", "-q", "--", "use-cases")
    change = pin(root, "hello", "prod", "1.1.0")
    (root / "use-cases/hello/usecase.yaml").write_text(text)
    return change


def test_a_branch_that_is_there_is_not_moved(root: Path) -> None:
    declared(root, INSTANCE)
    change = pin(root, "hello", "prod", "1.1.0")
    branch_pin(change, "promote/hello")
    with pytest.raises(CasewayError) as caught:
        branch_pin(change, "promote/hello")
    assert caught.value.code == "branch-exists"


def test_a_file_with_changes_of_ones_own_is_left_alone(root: Path) -> None:
    file = declared(root, INSTANCE)
    change = pin(root, "hello", "prod", "1.1.0")
    file.write_text(INSTANCE + "# mine\n")
    with pytest.raises(CasewayError) as caught:
        commit_pin(change)
    assert caught.value.code == "dirty-file"
    assert file.read_text().endswith("# mine\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("hello", "prod", "1.1"), "not-a-version"),
        (("hello", "prod", "1.1.0+dev.abc"), "not-a-version"),
        (("hello", "moon", "1.1.0"), "no-such-stage"),
        (("bye", "prod", "1.1.0"), "no-such-use-case"),
    ],
)
def test_what_cannot_be_promoted_is_told(root: Path, words: tuple[str, str, str], code: str) -> None:
    commit(root)
    with pytest.raises(CasewayError) as caught:
        pin(root, *words)
    assert caught.value.code == code


def test_the_command_shows_the_change_before_it_is_made(root: Path) -> None:
    declared(root, INSTANCE)
    words = ["-C", str(root), "promote", "hello", "prod", "--version", "1.1.0"]
    shown = CliRunner().invoke(cli, [*words, "--dry-run"], prog_name="caseway")
    assert '+  version: "1.1.0"   # moved by promote' in shown.stdout
    assert git(root, "log", "--format=%s") == "declare"

    done = CliRunner().invoke(cli, [*words, "--format", "json"], prog_name="caseway")
    told = json.loads(done.stdout)
    assert (told["before"], told["version"], told["changed"]) == ("1.0.0", "1.1.0", True)
    again = CliRunner().invoke(cli, words, prog_name="caseway")
    assert "is at 1.1.0 already" in again.stderr


def test_a_pull_request_is_opened_for_the_branch(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = declared(root, INSTANCE)
    github = FakeGitHub()
    words = ["-C", str(root), "promote", "hello", "prod", "--version", "1.1.0", "--pull-request"]
    with github.served() as address:
        monkeypatch.setenv("GITHUB_API_URL", address)
        monkeypatch.setenv("GITHUB_REPOSITORY", "acme/app")
        monkeypatch.setenv("GITHUB_TOKEN", ANN)
        done = CliRunner().invoke(cli, [*words, "--format", "json"], prog_name="caseway")
    assert done.exit_code == 0, done.output
    assert github.violations == []
    [opened] = github.pulls
    told = json.loads(done.stdout)
    assert told["pullRequest"] == opened["html_url"]
    assert (opened["title"], opened["base"]["ref"]) == ("Promote hello 1.1.0 to prod", "main")
    branch = "promote/hello-1.1.0-prod"
    assert git(root, "ls-remote", "origin", f"refs/heads/{branch}").split()[0] == told["commit"]
    assert 'version: "1.1.0"' in git(root, "show", f"{branch}:instances/prod.yaml")
    assert file.read_text() == INSTANCE


def test_without_a_forge_the_branch_is_made_and_the_hint_says_what_is_missing(root: Path) -> None:
    declared(root, INSTANCE)
    words = ["-C", str(root), "promote", "hello", "prod", "--version", "1.1.0", "--pull-request"]
    done = CliRunner().invoke(cli, words, prog_name="caseway")
    assert done.exit_code == 1
    assert "GITHUB_TOKEN" in done.stderr
