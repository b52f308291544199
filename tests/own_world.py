"""No setting, cache, or git configuration of the machine reaches a test that imports `own_world`."""

from __future__ import annotations

from pathlib import Path

import pytest

_FOREIGN = (
    "CASEWAY_DATABASE_URL",
    "CASEWAY_FORMAT",
    "CASEWAY_QUEUE_URL",
    "CASEWAY_SECRET_KEY",
    "CASEWAY_SERVER",
    "NO_COLOR",
)


@pytest.fixture(autouse=True)
def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A world of the test's own: no such variable, an empty cache, and Ann who commits."""
    for name in _FOREIGN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("COLUMNS", "100")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ann@example.com")
