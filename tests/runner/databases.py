"""Real database servers on free ports, in folders of their own, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.serving import free_port, listens, wait_until


@contextmanager
def postgres() -> Iterator[int]:
    """A PostgreSQL server that asks for a password, user caseway, database caseway; its port."""
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres")), shutil.which("postgres")]
    binary = next((str(item) for item in found if item is not None), "")
    if not binary:
        pytest.skip("no PostgreSQL server is installed")
    with _folder("postgres") as (folder, prefix):
        port = free_port()
        tools, data, password = Path(binary).resolve().parent, folder / "data", folder / "password"
        password.write_text("s3cret-pg")
        password.chmod(0o644)
        made = [str(tools / "initdb"), "-D", str(data), "-A", "scram-sha-256", "-U", "caseway", "--no-sync"]
        subprocess.run([*prefix, *made, f"--pwfile={password}"], check=True, capture_output=True, cwd=folder)
        options = ["-c", "listen_addresses=127.0.0.1", "-p", str(port), "-c", "fsync=off", "-k", str(folder)]
        with _running([*prefix, binary, "-D", str(data), *options], port, folder, signal.SIGQUIT):
            yield port


@contextmanager
def mariadb() -> Iterator[int]:
    """A MariaDB server, user caseway, database caseway; its port."""
    binary = shutil.which("mariadbd", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if binary is None:
        pytest.skip("no MariaDB server is installed")
    with _folder("mysql") as (folder, prefix):
        port, data = free_port(), folder / "data"
        user = ["--user=mysql"] if prefix else []
        subprocess.run(
            ["mariadb-install-db", f"--datadir={data}", "--auth-root-authentication-method=normal", *user],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        start = folder / "start.sql"
        start.write_text(
            "CREATE DATABASE caseway;\nCREATE USER caseway@'127.0.0.1' IDENTIFIED BY 's3cret-my';\n"
            "GRANT ALL ON caseway.* TO caseway@'127.0.0.1';\n"
        )
        start.chmod(0o644)
        command = [
            binary,
            "--no-defaults",
            f"--datadir={data}",
            f"--port={port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            f"--socket={folder / 's'}",
            f"--init-file={start}",
            *user,
        ]
        with _running(command, port, folder, signal.SIGKILL):
            yield port


@contextmanager
def _folder(account: str) -> Iterator[tuple[Path, list[str]]]:
    """A folder, and what to begin a command with so that it does not run as root, which servers refuse."""
    folder = Path(tempfile.mkdtemp(prefix="caseway-db-"))
    try:
        if os.getuid() != 0:
            yield folder, []
            return
        try:
            owner = pwd.getpwnam(account)
        except KeyError:
            pytest.skip(f"the server refuses root, and there is no user {account}")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        yield folder, ["setpriv", f"--reuid={account}", f"--regid={owner.pw_gid}", "--clear-groups"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(command: list[str], port: int, folder: Path, end: signal.Signals) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            wait_until(lambda: listens(port), f"the start of {command[-1]}")
            yield
        finally:
            server.send_signal(end)
            server.wait(120)
