"""What all tests share: how hypothesis looks for counterexamples."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from postgres_server import a_postgres_server, administer, url_of

# How quickly examples are made depends on what else the machine does; it says nothing about the code.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# CI judges a change, not its luck: the same examples every time. New ones are looked for by hand.
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


ENGINE_SECONDS = 900  # whichever test is first waits for an engine, and for the making of its base image


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests in containers have time for what they all share, whichever of them makes it."""
    for item in items:
        marker = item.get_closest_marker("timeout")
        is_short = marker is None or marker.args[0] < ENGINE_SECONDS
        if is_short and "docker_daemon" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(ENGINE_SECONDS), append=False)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Path]:
    """The socket folder of a PostgreSQL server for all tests, with a database `migrated` to copy."""
    from caseway.platform.database import migrate  # noqa: PLC0415 - most tests need no database

    with a_postgres_server() as server:
        administer(server, "CREATE DATABASE migrated")
        migrate(url_of(server, "migrated"))
        yield server
