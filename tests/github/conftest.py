"""What the tests of the forge's room share: a GitHub that judges both sides, and a clock that never waits."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from caseway.platform.database import migrate
from github.github_fake import FakeGitHub
from github.github_world import Hurry

FOREIGN = ("GITHUB_", "GITEA_", "GITLAB_", "CI_", "RUNNER_", "ACTIONS_", "CASEWAY_")


@pytest.fixture
def hurry() -> Hurry:
    return Hurry()


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    """A GitHub; afterwards nothing may have broken its own description."""
    fake = FakeGitHub()
    yield fake
    assert fake.violations == []


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database to copy: migrating takes longer than most tests."""
    file = tmp_path_factory.mktemp("github") / "migrated.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def database_url(migrated: Path, tmp_path: Path) -> str:
    """A database of the test's own."""
    shutil.copy(migrated, tmp_path / "state.db")
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture(autouse=True)
def own_world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting, cache or git configuration of the machine reaches a test."""
    for name in os.environ:
        if name.startswith(FOREIGN) and name != "CASEWAY_TEST_CACHE":
            monkeypatch.delenv(name)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ann@example.com")
