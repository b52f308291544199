"""The tests' own daemon: started where none runs, gone without a trace when the last test is through."""

from __future__ import annotations

from pathlib import Path

import pytest

from docker_daemon import Daemon


def processes_about(folder: Path) -> list[str]:
    """The command lines of processes that name the folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue  # it ended just now
        if str(folder) in line:
            found.append(line)
    return found


@pytest.mark.usefixtures("docker_daemon")  # skips where no daemon can run
def test_a_daemon_that_is_stopped_leaves_no_process_no_mount_and_no_socket(tmp_path):
    daemon = Daemon(tmp_path / "docker")
    assert not daemon.is_up()
    daemon.start()
    try:
        assert daemon.is_up()
        assert processes_about(daemon.run)
    finally:
        daemon.stop()
    assert not daemon.is_up()
    assert not daemon.run.exists()
    assert processes_about(daemon.run) == []
    assert str(tmp_path / "docker") not in Path("/proc/mounts").read_text()
