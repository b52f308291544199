"""A PostgreSQL server of the tests' own, on a socket in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa


@contextmanager
def a_postgres_server() -> Iterator[Path]:
    """The socket folder of a running server. It refuses root, so another user runs it. Skips the test where
    there is none."""
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
        yield folder
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nothing in it is worth a checkpoint
        server.wait(timeout=120)
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

    for _ in range(2400):
        if server.poll() is not None:
            break
        try:
            psycopg.connect(f"host={folder} user=caseway dbname=postgres").close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    pytest.fail(f"PostgreSQL did not start: {(folder / 'log').read_text()[-500:]}")


def url_of(server: Path, name: str) -> str:
    """The URL of one of its databases."""
    return f"postgresql://caseway@/{name}?host={server}"


def administer(server: Path, statement: str) -> None:
    """Execute a statement that stands outside of transactions, such as CREATE DATABASE."""
    engine = sa.create_engine(
        url_of(server, "postgres").replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()
