"""Stores to test on: every contract holds on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from caseway.platform.compose import Platform
from caseway.platform.database import Database, migrate, nothing, open_database
from caseway.platform.keyring import opener
from caseway.platform.tables import metadata
from caseway.targets.registry import TARGETS
from chaos.store_builders import KEY, Counter, Open, StandingClock, a_platform


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
        url = _url(request.getfixturevalue("postgres_server"), "caseway")
    database = open_database(url)
    yield url, database
    database.close()


@pytest.fixture
def url(store: tuple[str, Database]) -> Iterator[str]:
    """The URL of a database that is empty at first."""
    url, database = store
    yield url
    with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(sa.delete(table))
        connection.execute(sa.insert(metadata.tables["store"]).values(id=1, revision=0))


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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Path]:
    """The socket folder of a PostgreSQL server of our own. It refuses root, so another user runs it."""
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres")), shutil.which("postgres")]
    binary = next((str(item) for item in found if item is not None), "")
    pytest.importorskip("psycopg", reason="no PostgreSQL driver is installed: install caseway[postgres]")
    if not binary:
        pytest.skip("no PostgreSQL server is installed: install postgresql to test on it")
    folder = Path(tempfile.mkdtemp(prefix="caseway-pg-"))
    prefix = _as_somebody_else(folder)
    tools, data = Path(binary).resolve().parent, folder / "data"
    initialize = [
        *prefix,
        str(tools / "initdb"),
        "-D",
        str(data),
        "-A",
        "trust",
        "-U",
        "caseway",
        "--no-sync",
    ]
    subprocess.run(initialize, check=True, capture_output=True, cwd=folder)
    options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=32MB"]
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [*prefix, binary, "-D", str(data), "-k", str(folder), *options], stdout=log, stderr=log, cwd=folder
    )
    try:
        _wait(folder, server)
        _administer(folder, "CREATE DATABASE caseway")
        migrate(_url(folder, "caseway"))
        yield folder
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nothing in it is worth a checkpoint
        server.wait(timeout=30)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _as_somebody_else(folder: Path) -> list[str]:
    if os.getuid() != 0:
        return []
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres to run it as")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _wait(folder: Path, server: subprocess.Popen[bytes]) -> None:
    import psycopg  # noqa: PLC0415 - SQLite is tested without it

    for _ in range(600):
        if server.poll() is not None:
            break
        try:
            psycopg.connect(f"host={folder} user=caseway dbname=postgres").close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    pytest.fail(f"PostgreSQL did not start: {(folder / 'log').read_text()[-500:]}")


def _url(server: Path, name: str) -> str:
    return f"postgresql://caseway@/{name}?host={server}"


def _administer(server: Path, statement: str) -> None:
    engine = sa.create_engine(
        _url(server, "postgres").replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()
