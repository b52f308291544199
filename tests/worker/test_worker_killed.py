"""A killed process leaves a journal from which the execution goes on, without repeating what was done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path


def caseway(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "caseway", *words], cwd=root, capture_output=True, text=True, check=False
    )


def steps(url: str) -> str:
    lines = "do:\n"
    for name in ("first", "second", "third"):
        lines += f"  - {name}:\n      call: http\n      with: {{method: post, endpoint: '{url}/{name}'}}\n"
    return lines


def test_a_trigger_killed_half_way_is_resumed_without_repeating_completed_calls(project, server):
    root = project({"main": steps(server.url)})
    assert caseway(root, "apply", "--yes").returncode == 0
    server.held = {"/second"}
    with subprocess.Popen(
        [sys.executable, "-m", "caseway", "trigger", "demo"],
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr is not None
        execution_id = running.stderr.readline().split()[-1]
        assert server.arrived.wait(120)
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    server.release.set()
    stopped = json.loads(caseway(root, "executions", "get", execution_id, "--format", "json").stdout)
    assert stopped["status"] == "running"

    resumed = caseway(root, "executions", "resume", execution_id, "--format", "json")

    assert resumed.returncode == 0, resumed.stderr + resumed.stdout
    outcome = json.loads(resumed.stdout)
    assert outcome["id"] == execution_id
    assert outcome["status"] == "completed"
    assert [task["name"] for task in outcome["tasks"]] == ["first", "second", "third"]
    assert server.calls == {"/first": 1, "/second": 2, "/third": 1}
    first_try, second_try = server.keys["/second"]
    assert first_try == second_try != ""
