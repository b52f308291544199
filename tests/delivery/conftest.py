"""A platform to deliver to: SQLite, migrated once and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from caseway.platform.compose import Platform
from caseway.platform.database import migrate
from chaos.store_builders import Counter, StandingClock, a_platform


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database to copy: migrating takes longer than most tests."""
    file = tmp_path_factory.mktemp("delivery") / "migrated.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def database_url(migrated: Path, tmp_path: Path) -> str:
    """A database of the test's own."""
    shutil.copy(migrated, tmp_path / "state.db")
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def platform(database_url: str, clock: StandingClock) -> Iterator[Platform]:
    with a_platform(database_url, clock=clock, ids=Counter()) as made:
        yield made


@pytest.fixture(autouse=True)
def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting, cache, or git configuration of the machine reaches a test."""
    for name in (
        "CASEWAY_FORMAT",
        "CASEWAY_DATABASE_URL",
        "CASEWAY_SECRET_KEY",
        "NO_COLOR",
        "CASEWAY_SERVER",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("COLUMNS", "100")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ann@example.com")
