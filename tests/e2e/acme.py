"""Acme's repository, applied to a platform of its own, for tests that need the whole."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from caseway.cli.main import cli

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

    def run(self, *arguments: str, given: str | None = None) -> Result:
        """Run a `caseway` command on the repository, in this process: that it starts is tested elsewhere."""
        return CliRunner().invoke(
            cli, ["-C", str(self.folder), *arguments], input=given, env={**_unset(), **self.environment}
        )

    def caseway(self, *arguments: str, given: str | None = None) -> str:
        """What a `caseway` command prints; it must succeed."""
        done = self.run(*arguments, given=given)
        assert done.exit_code == 0, f"caseway {arguments}\n{done.output}"
        return done.stdout

    def ask(self, *arguments: str) -> Any:
        """The JSON that a `caseway` command prints; it must succeed."""
        return json.loads(self.caseway(*arguments, "--format", "json"))

    def trigger(self, instance: str, workflow: str, given: Any) -> Any:
        """How an execution ended, as JSON, whatever it is."""
        arguments = ("trigger", instance, workflow, "--input", json.dumps(given), "--format", "json")
        done = self.run(*arguments)
        assert done.stdout, done.output
        return json.loads(done.stdout)

    def git(self, *arguments: str) -> None:
        """Run git in the repository."""
        subprocess.run(["git", *arguments], cwd=self.folder, env=self.environment, check=True)

    def commit(self, message: str) -> None:
        """Commit everything."""
        for arguments in (("add", "-A"), ("commit", "-q", "-m", message)):
            self.git(*arguments)


def _unset() -> dict[str, str | None]:
    """The user's own settings, to be left out."""
    return {name: None for name in os.environ if name.startswith("CASEWAY_")}


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
    acme.git("init", "-q", "-b", "main")
    acme.commit("Acme's automations")
    return acme
