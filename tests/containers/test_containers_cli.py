"""The command line with a container engine: from one command that makes the base to an execution in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from docker_daemon import _cache

FLOW = """
document: {dsl: 1.0.3, namespace: demo, name: demo, version: 1.0.0}
do:
  - who: {run: {script: {language: python, code: 'import os; print(os.getuid())'}}}
"""


@pytest.fixture
def caseway(engine, runtime_image, tmp_path):
    """Run the command with the tests' engine."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "DOCKER_HOST": engine.address.url, "XDG_CACHE_HOME": str(tmp_path / "c")}
        command = [sys.executable, "-m", "caseway", *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)

    return run


def test_base_then_run(caseway, tmp_path):
    made = caseway("runtime", "base", "--archive", str(_cache() / "base-bookworm.tar"), "--format", "json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["image"] == "caseway/runtime:default"
    (tmp_path / "flow.yaml").write_text(FLOW)
    ran = caseway("run", "flow.yaml", "--executor", "docker", "--format", "json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["output"] == "10001\n"


def test_an_apply_builds_and_a_trigger_runs_in_the_runtime(caseway, runtime_image, tmp_path):
    (tmp_path / "caseway.yaml").write_text(
        "apiVersion: caseway/v1\nkind: Project\nmetadata: {name: acme}\nspec: {}\n"
    )
    (tmp_path / "use-cases/demo/workflows").mkdir(parents=True)
    (tmp_path / "runtimes").mkdir()
    (tmp_path / "use-cases/demo/usecase.yaml").write_text(
        "apiVersion: caseway/v1\nkind: UseCase\nmetadata: {name: demo}\n"
        "spec:\n  title: Demo\n  runtime: tools\n"
        "  container: {network: none}\n  resources: {memory: 256MB, disk: 64MB}\n"
        "  workflows: [{id: main, file: workflows/main.yaml}]\n"
    )
    (tmp_path / "use-cases/demo/workflows/main.yaml").write_text(FLOW.lstrip())
    (tmp_path / "runtimes/tools.yaml").write_text(
        "apiVersion: caseway/v1\nkind: Runtime\nmetadata: {name: tools}\n"
        f"spec: {{image: '{runtime_image}'}}\n"
    )
    applied = caseway("apply", "--yes", "--format", "json")
    assert applied.returncode == 0, applied.stderr + applied.stdout
    (runtime,) = json.loads(caseway("runtime", "list", "--format", "json").stdout)["runtimes"]
    assert (runtime["name"], runtime["status"], runtime["version"]) == ("tools", "ready", 1)
    ran = caseway("trigger", "demo", "--wait", "--format", "json")
    assert json.loads(ran.stdout)["output"] == "10001\n", ran.stderr
    got = json.loads(caseway("runtime", "get", "tools", "--format", "json").stdout)
    assert (got["freshness"], len(got["builds"])) == ("current", 1)
    again = caseway("runtime", "rebuild", "tools", "--format", "json")
    assert json.loads(again.stdout)["version"] == 2
    refused = caseway("runtime", "rm", "tools", "--yes", "--format", "json")
    assert json.loads(refused.stdout)["error"]["code"] == "runtime-in-use"
    assert caseway("runtime", "gc", "--dry-run", "--format", "json").returncode == 0


def test_the_runner_can_be_written_as_a_layer(caseway, tmp_path):
    said = caseway("runtime", "layer", "out", "--format", "json")
    assert json.loads(said.stdout)["files"] > 100
    assert Path(tmp_path / "out" / "start.py").is_file()
