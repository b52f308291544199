"""A platform to deliver to: SQLite, migrated once and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from caseway.platform.compose import Platform
from caseway.platform.database import migrate
from chaos.store_builders import Counter, StandingClock, a_platform
from own_world import own_world

__all__ = ["own_world"]


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
