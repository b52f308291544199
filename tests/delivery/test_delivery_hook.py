"""A push to a plain bare repository deploys, by path and over smart HTTP; a bad one is told, or refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from caseway.cli.main import cli
from caseway.delivery.hook import read_updates
from caseway.delivery.hook_install import MARK, HookSettings, install, script
from caseway.model.errors import CasewayError
from caseway.platform.views import list_instances
from chaos.store_builders import a_platform
from delivery.git_world import TOKEN, a_bare, a_clone, commit, git, smart_http
from delivery.watched import a_project, a_workflow


@pytest.fixture(autouse=True)
def shared_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each hook is a process of its own: they share one cache, as those of one user do."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "hook-cache"))


def installed(folder: Path) -> None:
    """Write the hooks with the command."""
    answer = CliRunner().invoke(cli, ["-C", str(folder), "hook", "install"], prog_name="caseway")
    assert answer.exit_code == 0, answer.output


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A bare repository with both hooks."""
    folder = a_bare(tmp_path / "remotes" / "acme.git")
    installed(folder)
    return folder


@pytest.fixture
def work(tmp_path: Path, bare: Path) -> Path:
    folder = a_project(a_clone(tmp_path / "work", str(bare)), "hello")
    commit(folder, "begin")
    return folder


def push(work: Path, *words: str) -> str:
    """Push main; what the pusher saw."""
    return git(work, "push", "origin", "main", *words, check=False)


def running(bare: Path) -> dict[str, str]:
    """The version of each instance of the repository's platform."""
    with a_platform(f"sqlite:///{bare}/.caseway/state.db") as platform:
        return {item.name: item.version for item in list_instances(platform, "acme")}


def test_a_push_deploys_and_the_pusher_sees_it(work: Path, bare: Path) -> None:
    seen = push(work)
    assert "remote: acme " in seen
    assert "deploy deployment hello ok" in seen
    assert "remote: live" in seen
    assert running(bare) == {"hello": "1.0.0"}


def test_a_revert_goes_back_to_the_template_before(work: Path, bare: Path) -> None:
    push(work)
    a_workflow(work, "hello", "changed")
    commit(work)
    git(work, "revert", "--no-edit", "HEAD")
    git(work, "push", "origin", "HEAD~1:main", check=False)
    assert running(bare) == {"hello": "1.0.1"}
    assert "remote: live" in push(work)
    assert running(bare) == {"hello": "1.0.0"}


def test_a_mistake_is_shown_where_it_stands_and_nothing_is_deployed(work: Path, bare: Path) -> None:
    push(work)
    a_workflow(work, "hello", 'x"]')
    commit(work)
    seen = push(work)
    assert seen.count("remote: use-cases/hello/workflows/main.yaml:4") == 1
    assert seen.count("nothing was done") == 1
    assert "[remote rejected]" not in seen
    assert running(bare) == {"hello": "1.0.0"}


def test_a_bad_push_to_a_protected_stage_is_refused(work: Path, bare: Path) -> None:
    text = (work / "caseway.yaml").read_text()
    (work / "caseway.yaml").write_text(text.replace("follows: latest}", "follows: latest, protected: true}"))
    commit(work)
    assert "remote: live" in push(work)
    before = git(bare, "rev-parse", "main")
    a_workflow(work, "hello", 'x"]')
    commit(work)

    seen = push(work)

    assert "refused: refs/heads/main deploys to dev, which is protected" in seen
    assert "[remote rejected]" in seen
    assert git(bare, "rev-parse", "main") == before


def test_a_push_cannot_take_the_protection_away_that_would_refuse_it(work: Path, bare: Path) -> None:
    text = (work / "caseway.yaml").read_text()
    (work / "caseway.yaml").write_text(text.replace("follows: latest}", "follows: latest, protected: true}"))
    commit(work)
    push(work)
    (work / "caseway.yaml").write_text(text)
    a_workflow(work, "hello", 'x"]')
    commit(work)
    assert "[remote rejected]" in push(work)


def test_a_branch_that_no_stage_follows_deploys_nowhere(work: Path, bare: Path) -> None:
    git(work, "checkout", "-q", "-b", "idea")
    assert "refs/heads/idea deploys to no stage" in git(work, "push", "origin", "idea", check=False)
    assert "is gone" in git(work, "push", "origin", "--delete", "idea", check=False)
    assert not (bare / ".caseway").exists()


def test_over_smart_http_it_is_the_same(tmp_path: Path, work: Path, bare: Path) -> None:
    with smart_http(bare.parent) as url:
        address = url.replace("http://", f"http://x-access-token:{TOKEN}@") + "/acme.git"
        git(work, "remote", "set-url", "origin", address)
        assert "remote: live" in push(work)
    assert running(bare) == {"hello": "1.0.0"}


def test_installing_again_changes_nothing_and_strangers_hooks_stay(bare: Path) -> None:
    before = (bare / "hooks/post-receive").read_text()
    installed(bare)
    assert (bare / "hooks/post-receive").read_text() == before
    assert MARK in before
    (bare / "hooks/post-receive").write_text("#!/bin/sh\nexit 0\n")
    settings = HookSettings(("caseway",), {})
    with pytest.raises(CasewayError) as caught:
        install(bare, settings, judges=True, is_forced=False)
    assert caught.value.code == "hook-exists"
    install(bare, settings, judges=True, is_forced=True)


def test_hooks_are_for_bare_repositories(tmp_path: Path) -> None:
    for folder in (a_clone(tmp_path / "clone", "x"), tmp_path):
        with pytest.raises(CasewayError) as caught:
            install(folder, HookSettings(("caseway",), {}), judges=True, is_forced=False)
        assert caught.value.code == "no-bare-repository"


def test_a_strange_folder_name_is_no_program(tmp_path: Path) -> None:
    folder = a_bare(tmp_path / "it's $(touch owned) `x`; .git")
    said = tmp_path / "said"
    settings = HookSettings(("/bin/echo",), {"CASEWAY_SERVER": "https://x'$(id)"}, token_file="/dev/null")
    text = script(folder, "post-receive", settings)
    answer = subprocess.run(
        ["sh", "-c", text], capture_output=True, text=True, cwd=tmp_path, env=dict(os.environ)
    )
    assert answer.stdout.strip() == f"-C {folder} hook run post-receive"
    assert not (tmp_path / "owned").exists()
    assert not said.exists()


@given(st.lists(st.text(max_size=80), max_size=3))
def test_whatever_comes_on_standard_input_is_read_or_refused(lines: list[str]) -> None:
    try:
        read_updates(lines)
    except CasewayError as error:
        assert error.code == "hook-input"
