"""`caseway ci` as a pipeline calls it: what goes to which stream, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from caseway.cli.commands.ci import _ACTIONS
from caseway.github.job import CHOICES
from github.github_world import Repo, outputs_of, payload_file, push_payload, variables


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.made(tmp_path / "repo", "greet")


def ci(repo: Repo, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_CACHE_HOME", "GIT_CONFIG_GLOBAL")}
    return subprocess.run(
        [sys.executable, "-m", "caseway", "ci", *words],
        cwd=repo.folder,
        env={**kept, **environment},
        capture_output=True,
        text=True,
    )


def pushed(repo: Repo, tmp_path: Path, database_url: str) -> dict[str, str]:
    """The environment of a push to main."""
    return {
        **variables("push", repo, 1, GITHUB_REF="refs/heads/main"),
        "GITHUB_EVENT_PATH": str(payload_file(tmp_path, push_payload(repo))),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "RUNNER_TEMP": str(tmp_path),
        "CASEWAY_DATABASE_URL": database_url,
    }


def test_outside_of_a_pipeline_it_says_what_to_use(repo: Repo) -> None:
    done = ci(repo)
    assert done.returncode == 1
    assert "GITHUB_EVENT_NAME is not set" in done.stderr
    assert "caseway apply" in done.stderr


def test_with_json_stdout_holds_json_alone(repo: Repo, tmp_path: Path, database_url: str) -> None:
    repo.write("use-cases/greet/workflows/hello.yaml", "document: {}\n")
    repo.commit()
    done = ci(repo, "--format", "json", **pushed(repo, tmp_path, database_url))
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert (said["ok"], said["do"], said["changed"]) == (False, "apply", "false")
    assert "::error file=use-cases/greet/workflows/hello.yaml" in done.stderr
    assert set(outputs_of(tmp_path / "output")) <= set(said)


def test_a_push_that_brings_a_secret_and_takes_it_away_fails(
    repo: Repo, tmp_path: Path, database_url: str
) -> None:
    environment = pushed(repo, tmp_path, database_url)
    event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text())
    event["before"] = repo.head
    repo.write("deploy/notes.txt", "gh" + "p_" + "a1B2" * 9 + "\n")
    repo.commit()
    (repo.folder / "deploy/notes.txt").unlink()
    repo.commit()
    event["after"] = repo.head
    Path(environment["GITHUB_EVENT_PATH"]).write_text(json.dumps(event))
    done = ci(repo, **{**environment, "GITHUB_SHA": repo.head})
    assert done.returncode == 1
    assert "::error file=deploy/notes.txt,line=1" in done.stdout and "CW123" in done.stdout


def test_a_push_without_any_platform_that_lasts_is_warned_of(repo: Repo, tmp_path: Path) -> None:
    environment = pushed(repo, tmp_path, "")
    done = ci(repo, **{**environment, "CASEWAY_DATABASE_URL": ""})
    assert done.returncode == 0, done.stdout
    assert "::warning title=Caseway::there is no CASEWAY_SERVER" in done.stdout


def test_gitlab_gets_a_plain_log_and_a_dotenv_report(repo: Repo, tmp_path: Path, database_url: str) -> None:
    done = ci(
        repo,
        GITLAB_CI="true",
        CI_PIPELINE_SOURCE="push",
        CI_COMMIT_BRANCH="main",
        CI_DEFAULT_BRANCH="main",
        CI_COMMIT_SHA=repo.head,
        CASEWAY_DATABASE_URL=database_url,
        CASEWAY_DOTENV=str(tmp_path / "caseway.env"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "::" not in done.stdout
    assert "CASEWAY_VERSION=1.0.0\n" in (tmp_path / "caseway.env").read_text()


def test_a_senseless_wish_is_refused_with_the_words_that_there_are(
    repo: Repo, tmp_path: Path, database_url: str
) -> None:
    done = ci(repo, "--do", "destroy", **pushed(repo, tmp_path, database_url))
    assert done.returncode == 1
    assert "preview-up" in done.stdout


def test_the_help_names_every_word_of_do() -> None:
    assert CHOICES == _ACTIONS
