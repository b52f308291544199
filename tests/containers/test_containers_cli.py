"""The command line with a container engine: from one command that makes the base to an execution in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from docker_daemon import cache_folder

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
    made = caseway(
        "runtime", "base", "--archive", str(cache_folder() / "base-bookworm.tar"), "--format", "json"
    )
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["image"] == "caseway/runtime:default"
    (tmp_path / "flow.yaml").write_text(FLOW)
    ran = caseway("run", "flow.yaml", "--executor", "docker", "--format", "json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["output"] == "10001\n"


def a_project(tmp_path: Path, image: str, resources: str = "{memory: 256MB, disk: 64MB}") -> None:
    """One use case in containers of the runtime `tools`, which is that image."""
    (tmp_path / "caseway.yaml").write_text(
        "apiVersion: caseway/v1\nkind: Project\nmetadata: {name: acme}\nspec: {}\n"
    )
    (tmp_path / "use-cases/demo/workflows").mkdir(parents=True, exist_ok=True)
    (tmp_path / "runtimes").mkdir(exist_ok=True)
    (tmp_path / "use-cases/demo/usecase.yaml").write_text(
        "apiVersion: caseway/v1\nkind: UseCase\nmetadata: {name: demo}\n"
        "spec:\n  title: Demo\n  runtime: tools\n"
        f"  container: {{network: none}}\n  resources: {resources}\n"
        "  workflows: [{id: main, file: workflows/main.yaml}]\n"
    )
    (tmp_path / "use-cases/demo/workflows/main.yaml").write_text(FLOW.lstrip())
    (tmp_path / "runtimes/tools.yaml").write_text(
        f"apiVersion: caseway/v1\nkind: Runtime\nmetadata: {{name: tools}}\nspec: {{image: '{image}'}}\n"
    )


def test_a_plan_says_what_the_engine_has_not(caseway, runtime_image, tmp_path):
    a_project(tmp_path, runtime_image, "{cpu: 32, memory: 1024GB, disk: 1GB, gpu: 1}")
    said = caseway("plan").stdout
    for part in ("cpu 32 is more than", "memory 1024GB is more than", "a GPU driver, and this one has none"):
        assert part in said
    a_project(tmp_path, "caseway/acme-nothing:0123456789abcdef")
    refused = caseway("plan")
    assert refused.returncode != 0
    words = " ".join(refused.stdout.split())
    assert "runtime 'tools' cannot be built: image caseway/acme-nothing:0123456789abcdef" in words


def test_an_apply_builds_and_a_trigger_runs_in_the_runtime(caseway, runtime_image, tmp_path):
    a_project(tmp_path, runtime_image)
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
    assert caseway("instance", "undeploy", "demo").returncode == 0
    removed = json.loads(caseway("runtime", "rm", "tools", "--yes", "--format", "json").stdout)
    assert removed == {"removed": [], "kept": [runtime_image]}  # it was there before the runtime was
    assert caseway("runtime", "gc", "--dry-run", "--format", "json").returncode == 0


def test_the_runner_can_be_written_as_a_layer(caseway, tmp_path):
    said = caseway("runtime", "layer", "out", "--format", "json")
    assert json.loads(said.stdout)["files"] > 100
    assert Path(tmp_path / "out" / "start.py").is_file()
