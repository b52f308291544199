"""A project on a platform of its own, and an HTTP server that counts the calls it gets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa
from worker_world import CountingServer, handler

from caseway.platform.compose import Platform, open_platform
from caseway.platform.database import open_database
from caseway.platform.tables import metadata
from caseway.targets.registry import TARGETS
from own_world import own_world
from postgres_server import administer, url_of

__all__ = ["own_world"]


@pytest.fixture
def server() -> Iterator[CountingServer]:
    """A running counting server."""
    counting = CountingServer()
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler(counting))
    http.daemon_threads = True
    counting.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield counting
    counting.release.set()
    http.shutdown()
    thread.join()
    http.server_close()


Write = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> Write:
    """Write a project of one use case `demo`: workflows (YAML) by id, and more lines of its spec."""

    def write(workflows: dict[str, str], spec: str = "", triggers: str = "") -> Path:
        root = tmp_path / "repo"
        folder = root / "use-cases" / "demo"
        (folder / "workflows").mkdir(parents=True, exist_ok=True)
        (root / "caseway.yaml").write_text(
            "apiVersion: caseway/v1\nkind: Project\nmetadata: {name: acme}\nspec: {}\n"
        )
        lines = ["apiVersion: caseway/v1", "kind: UseCase", "metadata: {name: demo}", "spec:"]
        lines += [f"  {line}" for line in spec.splitlines()]
        lines += ["  title: Demo", "  workflows:"]
        for name, body in workflows.items():
            default = "[{id: manual, type: manual}, {id: sub, type: subworkflow}]"
            lines.append(
                f"    - {{id: {name}, file: workflows/{name}.yaml, triggers: {triggers or default}}}"
            )
            head = f"{{dsl: 1.0.0, namespace: demo, name: {name}, version: 1.0.0}}"
            (folder / "workflows" / f"{name}.yaml").write_text(f"document: {head}\n{body}")
        (folder / "usecase.yaml").write_text("\n".join(lines) + "\n")
        return root

    return write


@pytest.fixture(params=["sqlite", "postgresql"])
def platform(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Platform]:
    """An empty platform, on either database."""
    url = f"sqlite:///{tmp_path / 'state.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    with open_platform(url, targets=TARGETS, key_file=tmp_path / "secret.key") as opened:
        yield opened


@pytest.fixture(scope="session")
def worker_database(postgres_server: Path) -> str:
    """The URL of a PostgreSQL database for these tests."""
    administer(postgres_server, "CREATE DATABASE worker TEMPLATE migrated")
    return url_of(postgres_server, "worker")


@pytest.fixture
def postgres_url(worker_database: str) -> Iterator[str]:
    """A PostgreSQL database that is empty at first."""
    yield worker_database
    database = open_database(worker_database)
    with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(sa.delete(table))
        connection.execute(sa.insert(metadata.tables["store"]).values(id=1, revision=0))
    database.close()
