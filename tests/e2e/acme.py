"""Acme's repository, applied to a platform of its own, for tests that need the whole."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLE = Path(__file__).resolve().parents[2] / "sample-repo"
CREDENTIALS = (
    ("acme-erp", "organization", "", {"token": "t"}),
    ("acme-erp-sandbox", "organization", "", {"token": "t"}),
    ("acme-shop", "organization", "", {"key": "k"}),
    ("acme-payments", "organization", "", {"token": "t"}),
    ("acme-payments-sandbox", "organization", "", {"token": "t"}),
    ("maria-helpdesk", "member", "maria", {"username": "maria", "password": "p"}),
    ("jonas-helpdesk", "member", "jonas", {"username": "jonas", "password": "p"}),
)


@dataclass(frozen=True)
class Acme:
    """The repository in `folder`, and the environment in which its commands run."""

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in the repository."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    def caseway(self, *arguments: str, given: str | None = None) -> str:
        """What a `caseway` command prints; it must succeed."""
        done = self.run(sys.executable, "-m", "caseway", *arguments, given=given)
        assert done.returncode == 0, f"caseway {arguments}\n{done.stdout}{done.stderr}"
        return done.stdout

    def ask(self, *arguments: str) -> Any:
        """The JSON that a `caseway` command prints; it must succeed."""
        return json.loads(self.caseway(*arguments, "--format", "json"))

    def trigger(self, instance: str, workflow: str, given: Any) -> Any:
        """How an execution ended, as JSON, whatever it is."""
        arguments = ("trigger", instance, workflow, "--input", json.dumps(given), "--format", "json")
        done = self.run(sys.executable, "-m", "caseway", *arguments)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def commit(self, message: str) -> None:
        """Commit everything."""
        for arguments in (("add", "-A"), ("commit", "-q", "-m", message)):
            done = self.run("git", *arguments)
            assert done.returncode == 0, done.stderr


def an_acme(folder: Path, home: Path, url: str) -> Acme:
    """A fresh copy of the sample in a git repository, whose services are at `url`."""
    shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns(".caseway"))
    for file in (folder / "connections").glob("*.yaml"):
        file.write_text(file.read_text().replace("http://127.0.0.1:8765", url))
    identity = {
        f"GIT_{who}_{what}": "ada@acme.example"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "CASEWAY_ACTOR": "ada", **identity}
    acme = Acme(folder, environment)
    assert acme.run("git", "init", "-q", "-b", "main").returncode == 0
    acme.commit("Acme's automations")
    return acme
