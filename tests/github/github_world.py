"""A repository, its events and a platform: what `caseway ci` meets, with GitHub played by the fake."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from caseway.github.ci import Asking, run
from caseway.github.console import ActionsConsole, RunnerFiles
from caseway.github.event import Event, github_event
from caseway.github.forges import forge_of
from caseway.github.job import Means, Wish
from caseway.github.report import Report
from caseway.github.rest import Pace
from caseway.github.tell import Audience
from caseway.github.work import Clockwork, World
from caseway.model.access import local
from caseway.operations.client import Client
from caseway.operations.local_client import LocalClient
from caseway.operations.remote_client import RemoteClient
from caseway.platform.compose import Platform, open_platform
from caseway.targets.registry import TARGETS
from github.github_fake import APP

RUN = "https://github.com/acme/app/actions/runs/1"
PROJECT = """\
apiVersion: caseway/v1
kind: Project
metadata: {name: shop}
spec:
  organization: acme
  stages:
    - {name: dev, branches: [main]}
    - {name: prod, follows: published, tags: ["v*"]}
"""
USE_CASE = """\
apiVersion: caseway/v1
kind: UseCase
metadata: {name: NAME}
spec:
  title: Says NAME
  workflows:
    - id: hello
      file: workflows/hello.yaml
      response: sync
      triggers:
        - {id: ask, type: http, method: POST, path: /hello, auth: none}
"""
WORKFLOW = """\
document: {dsl: 1.0.0, namespace: NAME, name: hello, version: 0.1.0}
do:
  - answer:
      set: {says: "WORDS"}
"""


@dataclass
class Hurry:
    """Time that passes when somebody sleeps."""

    slept: list[float] = field(default_factory=list)

    @property
    def pace(self) -> Pace:
        """What a client is given."""
        return Pace(sleep=self.slept.append, now=self.now, spread=lambda: 0.5)

    def now(self) -> float:
        """Seconds since 1970."""
        return 1_700_000_000.0 + sum(self.slept)


def git(folder: Path, *words: str) -> str:
    """One git command in `folder`; what it said."""
    answer = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return answer.stdout.strip()


@dataclass
class Repo:
    """A clone whose default branch is main."""

    folder: Path

    @classmethod
    def made(cls, folder: Path, *use_cases: str) -> Repo:
        """A project with these use cases in its first commit."""
        folder.mkdir(parents=True)
        git(folder, "init", "-q", "-b", "main")
        made = cls(folder)
        made.write("caseway.yaml", PROJECT)
        for name in use_cases or ("greet", "part"):
            made.use_case(name)
        made.commit("the first")
        return made

    def write(self, path: str, text: str) -> None:
        """A file of the work tree."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def use_case(self, name: str, words: str = "hello", title: str = "") -> None:
        """A use case that answers with `words`."""
        text = USE_CASE.replace("NAME", name)
        self.write(
            f"use-cases/{name}/usecase.yaml",
            text.replace(f"title: Says {name}", f"title: {title}") if title else text,
        )
        self.write(
            f"use-cases/{name}/workflows/hello.yaml", WORKFLOW.replace("NAME", name).replace("WORDS", words)
        )

    def commit(self, message: str = "a change") -> str:
        """Commit everything; the commit."""
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", message)
        return self.head

    @property
    def head(self) -> str:
        """The commit that is checked out."""
        return git(self.folder, "rev-parse", "HEAD")

    def branch(self, name: str) -> None:
        """Go to a branch, made from main when it is new."""
        known = git(self.folder, "branch", "--list", name)
        git(self.folder, "checkout", "-q", *([] if known else ["-b"]), name, *([] if known else ["main"]))

    def merge_of(self, branch: str) -> str:
        """Check out what merging the branch into main would make, as forges do for a pull request."""
        git(self.folder, "checkout", "-q", "--detach", "main")
        git(self.folder, "merge", "-q", "--no-ff", "-m", f"Merge {branch} into main", branch)
        return self.head


def push_payload(
    repo: Repo, ref: str = "refs/heads/main", before: str = "0" * 40, **changes: Any
) -> dict[str, Any]:
    """The payload of a push of what is checked out."""
    repository = {"full_name": "acme/app", "default_branch": "main"}
    return {
        "ref": ref,
        "before": before,
        "after": repo.head,
        "deleted": False,
        "repository": repository,
        **changes,
    }


def request_payload(
    repo: Repo, action: str, *, fork: str = "", number: int = 7, **changes: Any
) -> dict[str, Any]:
    """The payload of a pull request from branch `change` to main."""
    ours = {"full_name": "acme/app"}
    return {
        "action": action,
        "number": number,
        "pull_request": {
            "number": number,
            "title": "A change",
            "head": {
                "sha": git(repo.folder, "rev-parse", "change"),
                "ref": "change",
                "repo": {"full_name": fork} if fork else ours,
            },
            "base": {"sha": git(repo.folder, "rev-parse", "main"), "ref": "main", "repo": ours},
            **changes,
        },
        "repository": {**ours, "default_branch": "main"},
    }


def variables(name: str, repo: Repo, number: int, **more: str) -> dict[str, str]:
    """What GitHub's runner puts into the environment."""
    return {
        "GITHUB_EVENT_NAME": name,
        "GITHUB_REPOSITORY": "acme/app",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_API_URL": "https://api.github.com",
        "GITHUB_SHA": repo.head,
        "GITHUB_RUN_ID": "1",
        "GITHUB_RUN_NUMBER": str(number),
        "GITHUB_RUN_ATTEMPT": "1",
        **more,
    }


@dataclass
class Pipeline:
    """Runs of `caseway ci` in this process, on one forge and one database, or through a server (its address
    and a token)."""

    repo: Repo
    url: str
    transport: httpx.BaseTransport | None = None
    base_url: str = "https://caseway.test"
    files: Path | None = None
    number: int = 0
    log: list[str] = field(default_factory=list)
    hurry: Hurry = field(default_factory=Hurry)
    connected: list[str] = field(default_factory=list)
    on_boundary: Callable[[str], None] = lambda _name: None
    means: Means = field(default_factory=Means)
    strict: bool = False
    server: tuple[str, str] | None = None

    def push(self, ref: str = "refs/heads/main", wish: Wish | None = None, **changes: Any) -> Report:
        """What was checked out was pushed."""
        return self.run("push", push_payload(self.repo, ref, **changes), wish, GITHUB_REF=ref)

    def request(self, action: str, *, fork: str = "", is_merged: bool = False, **changes: Any) -> Report:
        """Something happened to pull request 7; its merge is checked out, now or since before."""
        if action != "closed" and not is_merged:
            self.repo.merge_of("change")
        payload = request_payload(self.repo, action, fork=fork, **changes)
        return self.run("pull_request", payload, None, GITHUB_REF="refs/pull/7/merge")

    def run(self, name: str, payload: dict[str, Any], wish: Wish | None = None, **more: str) -> Report:
        """One run for an event."""
        self.number += 1
        environment = variables(name, self.repo, self.number, **more)
        return self.handle(github_event(environment, payload), environment, wish)

    def handle(self, event: Event, environment: dict[str, str], wish: Wish | None = None) -> Report:
        """One run for an event that was read already."""
        forge = None
        if self.transport is not None:
            forge = forge_of(environment, APP, pace=self.hurry.pace, transport=self.transport)
        files = (
            RunnerFiles(str(self.files / "output"), str(self.files / "summary.md"))
            if self.files
            else RunnerFiles()
        )
        world = World(
            connect=self._connect,
            audience=Audience(
                ActionsConsole(self.log.append, files, lambda: "f" * 32),
                forge,
                self.files / "plan.json" if self.files else None,
            ),
            clockwork=Clockwork(self.hurry.now, self.hurry.slept.append),
            on_progress=lambda _event: None,
        )
        asking = Asking(self.repo.folder, wish or Wish(), self.means, is_strict=self.strict)
        return run(asking, event, world)

    @contextmanager
    def _connect(self, _folder: Path, organization: str, _is_acting: bool) -> Iterator[Client]:
        self.connected.append(organization)
        if self.server is not None:
            with RemoteClient(*self.server) as client:
                yield client
            return
        with self.platform() as platform:
            yield LocalClient(platform, local(organization, "ci"))

    @contextmanager
    def platform(self) -> Iterator[Platform]:
        """The platform that the runs work on."""
        with open_platform(
            self.url, targets=TARGETS, secret_key="", base_url=self.base_url, on_boundary=self.on_boundary
        ) as platform:
            yield platform


def again(event: Event) -> Event:
    """The same run, attempted once more."""
    return replace(event, run=replace(event.run, attempt=event.run.attempt + 1))


def outputs_of(file: Path) -> dict[str, str]:
    """What the runner would read from the outputs' file."""
    found: dict[str, str] = {}
    lines = iter(file.read_text(encoding="utf-8").split("\n"))
    for line in lines:
        name, _, fence = line.partition("<<")
        if fence:
            value: list[str] = []
            for inner in lines:
                if inner == fence:
                    break
                value.append(inner)
            found[name] = "\n".join(value)
    return found


def payload_file(folder: Path, payload: dict[str, Any]) -> Path:
    """The payload as the runner leaves it on disk."""
    file = folder / "event.json"
    file.write_text(json.dumps(payload))
    return file


def commands(log: Sequence[str], name: str) -> list[str]:
    """The workflow commands of one name in a log."""
    return [line for text in log for line in text.splitlines() if line.startswith(f"::{name} ")]
