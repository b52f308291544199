"""A worker shows that it lives by a file that it touches."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from caseway.cli.serving import BEAT_SECONDS
from caseway.platform.compose import open_platform
from caseway.targets.registry import TARGETS


def worker(folder, *words: str) -> subprocess.CompletedProcess[str]:
    """A worker that does what is due, on an empty platform."""
    url = f"sqlite:///{folder / 'state.db'}"
    open_platform(url, targets=TARGETS).close()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CASEWAY_")}
    command = [sys.executable, "-m", "caseway", "serve", "worker", "--once", "--database-url", url, *words]
    return subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True)


def test_the_file_is_touched_from_the_start(tmp_path):
    (tmp_path / "alive").touch()
    os.utime(tmp_path / "alive", (0, 0))
    assert worker(tmp_path, "--heartbeat", str(tmp_path / "alive")).returncode == 0
    assert (tmp_path / "alive").stat().st_mtime > time.time() - 3600


def test_a_file_that_cannot_be_written_is_an_error_and_not_a_worker_that_seems_dead(tmp_path):
    answer = worker(tmp_path, "--heartbeat", str(tmp_path / "nowhere" / "alive"))
    assert answer.returncode == 1
    assert "--heartbeat" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("oldest", [60])
def test_it_is_touched_far_more_often_than_whoever_watches_expects(oldest):
    assert oldest >= BEAT_SECONDS * 4
