"""Runs workflows with act, on this machine and without a network: the action, a repository and its events."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from free_ports import free_port

CLONE = Path(__file__).resolve().parents[2]
ACT = Path(sys.executable).parent / "act"
CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"
CACHE = "actions/cache@0400d5f644dc74513175e3cd8d07132dd4860809"
SLOW = 600  # seconds after which something hangs, however busy the machine is
RESTORE = """\
name: Stands in for the cache
description: Brings what an earlier run left, as a cache that was hit does.
inputs: {path: {description: where to, required: true}, key: {description: what, required: true}}
runs:
  using: composite
  steps:
    - shell: bash
      env: {GOAL: "${{ inputs.path }}"}
      run: mkdir -p "$(dirname "$GOAL")" && cp -a WARM "$GOAL"
"""


def git(folder: Path, *words: str) -> str:
    """One git command; what it said."""
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@dataclass(frozen=True)
class Ran:
    """What one run of act left: its exit code, and its records."""

    code: int
    records: list[dict[str, Any]]
    text: str

    def commands(self, name: str) -> list[dict[str, Any]]:
        """The records of one workflow command, such as `error` or `set-output`."""
        return [each for each in self.records if each.get("command") == name]

    def output(self, name: str) -> str:
        """The last value of an output of that name."""
        values = [each["arg"] for each in self.commands("set-output") if each["name"] == name]
        return str(values[-1]) if values else ""

    @property
    def summary(self) -> str:
        """The pages of all steps."""
        return "\n".join(str(each["content"]) for each in self.commands("summary"))

    @property
    def steps(self) -> dict[str, str]:
        """How each step ended, by its name."""
        return {
            str(each["step"]): str(each["stepResult"])
            for each in self.records
            if each.get("stepResult") and each.get("step")
        }


@dataclass
class Act:
    """`home` is private to the test; `warm` is what the cache brings."""

    home: Path
    warm: Path
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    actions: dict[str, Path] = field(default_factory=dict)

    def run(self, repo: Path, event: str, payload: dict[str, Any], **environment: str) -> Ran:
        """Run the repository's workflows for an event."""
        file = self.home / "event.json"
        file.write_text(json.dumps(payload))
        cache = self.home / "cache-action"
        cache.mkdir(exist_ok=True)
        (cache / "action.yml").write_text(RESTORE.replace("WARM", str(self.warm)))
        command = [
            str(ACT),
            event,
            "--json",
            "-e",
            str(file),
            "-P",
            "ubuntu-24.04=-self-hosted",
            "--no-cache-server",
            "--artifact-server-addr",
            "127.0.0.1",
            "--artifact-server-port",
            str(free_port()),
            "--action-offline-mode",
        ]
        for used, place in {CACHE: cache, **self.actions}.items():
            command += ["--local-repository", f"{used}={place}"]
        for name, value in self.secrets.items():
            command += ["-s", f"{name}={value}"]
        for name, value in self.variables.items():
            command += ["--var", f"{name}={value}"]
        for name, value in environment.items():
            command += ["--env", f"{name}={value}"]
        done = subprocess.run(
            command, cwd=repo, env=self._environment(), capture_output=True, text=True, timeout=SLOW
        )
        return Ran(done.returncode, list(_records(done.stdout)), done.stdout + done.stderr)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "GIT_CONFIG_GLOBAL": "/dev/null",
        }


def _records(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def documented_workflow() -> str:
    """The workflow that docs/github-action.md tells users to copy."""
    page = (CLONE / "docs" / "github-action.md").read_text()
    found = re.search(r"<!-- workflow -->\n```yaml\n(.*?)```", page, re.DOTALL)
    assert found is not None
    return found[1]


def warm_environment(goal: Path) -> Path:
    """What a restored cache brings: an environment with the dependencies, borrowed from the running one."""
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", goal], check=True)
    site = next(goal.glob("lib/python*/site-packages"))
    (site / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    (goal / ".complete").touch()
    return goal


def copy_action(goal: Path) -> None:
    """What a checkout of the action's repository has, as far as the action needs it."""
    for name in ("toolkit", "runner", "schemas", ".github"):
        shutil.copytree(CLONE / name, goal / name, ignore=shutil.ignore_patterns("__pycache__", ".caseway"))
    shutil.copy(CLONE / "action.yml", goal)
