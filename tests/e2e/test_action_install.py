"""The scripts of the action by themselves: all or nothing is installed; nothing of the repository runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from action_world import CLONE, SLOW, copy_action, warm_environment

from github.github_world import Repo, payload_file, push_payload, variables

pytestmark = pytest.mark.timeout(SLOW)
SCRIPTS = CLONE / ".github" / "action"
PYTHON = str(getattr(sys, "_base_executable", sys.executable))  # one with pip, where there is one


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """The action's scripts with nothing to install, so that no registry is asked."""
    folder = tmp_path / "action"
    shutil.copytree(SCRIPTS, folder)
    (folder / "requirements.lock").write_text("# nothing\n")
    return folder


def call(script: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(script.parent),
        "PYTHON": PYTHON,
        **variables,
    }
    return subprocess.run([script], env=environment, cwd=script.parent, capture_output=True, text=True)


def test_two_jobs_that_install_at_once_leave_one_whole_environment(scripts: Path, tmp_path: Path) -> None:
    goal = tmp_path / "tools" / "caseway" / "key"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHON": PYTHON,
        "FOLDER": str(goal),
    }
    both = [subprocess.Popen([scripts / "install.sh"], env=environment, cwd=tmp_path) for _ in range(2)]
    assert [each.wait(timeout=SLOW) for each in both] == [0, 0]
    assert [each.name for each in goal.parent.iterdir()] == ["key"]
    assert (goal / ".complete").exists()
    assert subprocess.run([goal / "bin" / "python", "-I", "-c", "import sys"]).returncode == 0
    before = (goal / ".complete").stat().st_mtime_ns
    assert call(scripts / "install.sh", FOLDER=str(goal)).returncode == 0
    assert (goal / ".complete").stat().st_mtime_ns == before


def test_what_cannot_be_installed_leaves_nothing(scripts: Path, tmp_path: Path) -> None:
    (scripts / "requirements.lock").write_text("no-such-thing==1.0 --hash=sha256:" + "0" * 64 + "\n")
    goal = tmp_path / "tools" / "key"
    done = call(scripts / "install.sh", FOLDER=str(goal), PIP_NO_INDEX="1")
    assert done.returncode != 0
    assert list(goal.parent.iterdir()) == []


def test_other_dependencies_have_another_key(scripts: Path, tmp_path: Path) -> None:
    told = []
    for text in ("# one\n", "# two\n", "# one\n"):
        (scripts / "requirements.lock").write_text(text)
        file = tmp_path / "told"
        file.write_text("")
        assert call(scripts / "where.sh", GITHUB_OUTPUT=str(file)).returncode == 0
        told.append(dict(line.split("=", 1) for line in file.read_text().splitlines()))
    assert told[0] == told[2] != told[1]
    assert told[0]["folder"].endswith(told[0]["key"])
    assert told[0]["installed"] == "false"


def test_without_python_the_error_says_what_to_add(scripts: Path, tmp_path: Path) -> None:
    done = call(scripts / "where.sh", PYTHON="no-such-python", GITHUB_OUTPUT=str(tmp_path / "told"))
    assert done.returncode == 1
    assert "actions/setup-python" in done.stdout


def test_nothing_of_the_repository_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ann@example.com")
    repo = Repo.made(tmp_path / "repo")
    trap = f"open({str(tmp_path / 'pwned')!r}, 'w')\n"
    for name in ("caseway/__init__.py", "click.py", "sitecustomize.py", "yaml.py", "caseway.py"):
        repo.write(name, trap)
    action = tmp_path / "action"
    action.mkdir()
    copy_action(action)
    warm = warm_environment(tmp_path / "warm")
    inputs = {
        f"INPUT_{name}": ""
        for name in ("SERVER", "TOKEN", "DO", "STAGE", "PREVIEW", "STRICT", "PRUNE", "ALLOW_MASS_DELETE")
    }
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(repo.folder),
        "FOLDER": str(warm),
        **inputs,
        **{f"INPUT_{name}": "true" for name in ("PREVIEWS", "COMMENTS", "CHECKS")},
        "INPUT_PATH": "; touch pwned",
        **variables("push", repo, 1, GITHUB_REF="refs/heads/main"),
        "GITHUB_EVENT_PATH": str(payload_file(tmp_path, push_payload(repo))),
        "CASEWAY_DATABASE_URL": f"sqlite:///{tmp_path}/state.db",
    }
    command = [action / ".github" / "action" / "run.sh"]
    hostile = subprocess.run(command, cwd=repo.folder, env=environment, capture_output=True, text=True)
    assert hostile.returncode == 1
    assert "there is no '; touch pwned'" in hostile.stdout
    done = subprocess.run(
        command, cwd=repo.folder, env={**environment, "INPUT_PATH": "."}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(tmp_path.rglob("pwned"))
