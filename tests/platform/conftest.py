"""Stores to test on: every contract holds on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import status_watch

from caseway.platform.compose import Platform
from caseway.platform.database import Database, migrate, nothing, open_database
from caseway.platform.keyring import opener
from caseway.platform.tables import metadata
from caseway.targets.registry import TARGETS
from chaos.store_builders import KEY, Counter, Open, StandingClock, a_platform
from postgres_server import administer, url_of


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[tuple[str, Database]]:
    """A migrated database and its URL; one for all tests, for compiling every statement anew takes longer
    than most of them."""
    if request.param == "sqlite":
        url = f"sqlite:///{request.getfixturevalue('sqlite_file')}.shared"
        shutil.copy(request.getfixturevalue("sqlite_file"), url.removeprefix("sqlite:///"))
    else:
        server = request.getfixturevalue("postgres_server")
        url = url_of(server, "contracts")
        administer(server, "CREATE DATABASE contracts TEMPLATE migrated")
    database = open_database(url)
    status_watch.watch(database)
    yield url, database
    database.close()


@pytest.fixture
def url(store: tuple[str, Database]) -> Iterator[str]:
    """The URL of a database that is empty at first, and in which no record takes a step that its state
    machine does not have."""
    url, database = store
    yield url
    unlisted = status_watch.unlisted(database)
    status_watch.forget(database)
    with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(sa.delete(table))
        connection.execute(sa.insert(metadata.tables["store"]).values(id=1, revision=0))
    status_watch.forget(database)
    assert unlisted == {}


@pytest.fixture
def reopen(url: str, clock: StandingClock) -> Iterator[Open]:
    """Opens the platform, as often as wanted: each time as another process would."""
    opened: list[Platform] = []

    def open_again(**changes: Any) -> Platform:
        options = {"clock": clock, "ids": Counter(f"{len(opened)}-"), **changes}
        opened.append(a_platform(url, **options))
        return opened[-1]

    yield open_again
    for platform in opened:
        platform.close()


@pytest.fixture
def platform(url: str, store: tuple[str, Database], clock: StandingClock) -> Platform:
    """The platform on the shared connection pool."""
    database = store[1]
    return Platform(
        database=database,
        targets={name: make(database, clock) for name, make in TARGETS.items()},
        clock=clock,
        ids=Counter("p-"),
        keyring=opener(KEY, None),
        holder="tests@here:0",
        base_url="https://caseway.test",
        on_boundary=nothing,
    )


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database to copy: migrating takes longer than most tests."""
    file = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    migrate(f"sqlite:///{file}")
    return file
