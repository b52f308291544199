"""Servers for the tests of this folder: one for all that only look, one of its own for each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from server_world import Running, a_served_platform, running


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with one use case deployed, shared by tests that do not mind what others did."""
    platform = a_served_platform(tmp_path_factory.mktemp("served"))
    with platform, running(platform) as server:
        yield server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    """A server of the test's own, with one use case deployed."""
    with a_served_platform(tmp_path) as platform, running(platform) as found:
        yield found
