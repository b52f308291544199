"""`caseway ci` killed at any moment and run again ends where it would have ended, on platform and forge."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from caseway.platform import previews
from caseway.platform.tables import metadata
from caseway.platform.views import list_instances
from github.github_fake import APP, FakeGitHub
from github.github_world import Pipeline, Repo, payload_file, push_payload, request_payload, variables

pytestmark = pytest.mark.timeout(600)  # dozens of processes each, which takes its time on a busy machine
TESTS = Path(__file__).parents[1]
UNEQUAL = frozenset(
    {"audit", "leases", "store", "deployments", "deployment_steps"}
)  # attempts leave their lines
INSTANTS = 6  # moments of one run's time at which the command is killed
Run = Callable[..., str]


@pytest.fixture(scope="module")
def mortal() -> Iterator[Run]:
    """Runs the pipeline in a process that dies; says how it ended."""
    server = subprocess.Popen(
        [sys.executable, "-m", "github.ci_dying"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=TESTS,
    )
    assert server.stdin is not None and server.stdout is not None

    def run(**asked: Any) -> str:
        server.stdin.write(json.dumps(asked) + "\n")  # type: ignore[union-attr]
        server.stdin.flush()  # type: ignore[union-attr]
        return server.stdout.readline().strip()  # type: ignore[union-attr]

    yield run
    server.stdin.close()
    server.wait(timeout=120)
    server.stdout.close()


class World:
    """A repository, copies of one platform, and forges; each trial begins from the same state."""

    def __init__(self, folder: Path, migrated: Path) -> None:
        self.folder = folder
        self.repo = Repo.made(folder / "repo")
        self.start = folder / "start.db"
        shutil.copy(migrated, self.start)
        self.repo.branch("change")
        self.repo.use_case("greet", "changed")
        self.repo.commit()
        self.repo.branch("main")
        self.number = 0

    def deploy_main(self) -> None:
        """What main holds is live."""
        assert Pipeline(self.repo, f"sqlite:///{self.start}").push().is_ok

    def trial(self, github: FakeGitHub, address: str) -> dict[str, Any]:
        """The arguments of runs on a fresh copy of the platform."""
        self.number += 1
        file = self.folder / f"{self.number}.db"
        shutil.copy(self.start, file)
        return {"repo": str(self.repo.folder), "url": f"sqlite:///{file}", "forge": address}

    def seen(self, url: str, github: FakeGitHub) -> Any:
        """Everything that lasts, without what tells one run from another."""
        with Pipeline(self.repo, url).platform() as platform:
            with platform.database.reading() as connection:
                counts = {
                    table.name: connection.scalar(sa.select(sa.func.count()).select_from(table))
                    for table in metadata.sorted_tables
                    if table.name not in UNEQUAL
                }
            shown = [
                (each.id, each.status, len(each.use_cases)) for each in previews.listed(platform, "acme")
            ]
            there = [(each.name, each.version, each.phase) for each in list_instances(platform, "acme")]
        comments = [
            re.sub(r"run=\S+|<sub>.*|until [^\n]*|/hooks/\w+|revision \d+|preview \d+", "", each["body"])
            for each in github.comments.get(7, [])
        ]
        latest = github.checks[-1]["conclusion"] if github.checks else ""
        is_running = any(each["status"] != "completed" for each in github.checks)
        return counts, shown, there, comments, latest, is_running, github.state_of("preview/pr-7")


@pytest.fixture
def world(tmp_path: Path, migrated: Path) -> World:
    return World(tmp_path, migrated)


def _prepared(world: World, do: str, mortal: Run) -> None:
    """Bring the start to where the event `do` happens."""
    if do == "push":
        return
    world.deploy_main()
    world.repo.merge_of("change")


def _before(world: World, do: str, trial: dict[str, Any], mortal: Run) -> None:
    if do == "closed":
        assert mortal(**trial, do="opened", number=1, at=0).isdigit()


@pytest.mark.parametrize(("do", "step"), [("push", 1), ("opened", 4), ("closed", 5)])
def test_killed_ever_later_it_converges(world: World, do: str, step: int, mortal: Run) -> None:
    _prepared(world, do, mortal)
    wanted, whole = FakeGitHub(), FakeGitHub()
    with wanted.served() as address:
        trial = world.trial(wanted, address)
        _before(world, do, trial, mortal)
        moments = mortal(**trial, do=do, number=5, at=0)
        assert moments.isdigit(), moments
        expected = world.seen(trial["url"], wanted)
    with whole.served() as address:
        trial = world.trial(whole, address)
        _before(world, do, trial, mortal)
        for at in range(1, int(moments) + step + 1, step):
            ended = mortal(**trial, do=do, number=5 + at, at=at)
            if ended != "killed":
                break
        assert ended.isdigit(), ended
        assert world.seen(trial["url"], whole) == expected
    assert wanted.violations == whole.violations == []


@pytest.mark.parametrize("do", ["push", "opened"])
def test_killed_once_the_next_run_ends_as_if_nothing_had_happened(world: World, do: str, mortal: Run) -> None:
    _prepared(world, do, mortal)
    forge = FakeGitHub()
    with forge.served() as address:
        trial = world.trial(forge, address)
        moments = int(mortal(**trial, do=do, number=5, at=0))
        expected = world.seen(trial["url"], forge)
    for at in range(2, moments, max(moments // 3, 1)):
        forge = FakeGitHub()
        with forge.served() as address:
            trial = world.trial(forge, address)
            assert mortal(**trial, do=do, number=5, at=at) == "killed"
            ended = mortal(**trial, do=do, number=5, at=0)
            assert ended.isdigit(), ended
            assert world.seen(trial["url"], forge) == expected, f"killed at moment {at}"


@pytest.mark.parametrize("do", ["push", "opened", "closed"])
def test_the_command_killed_at_any_instant_and_run_again_converges(
    world: World, do: str, mortal: Run, tmp_path: Path
) -> None:
    """Not only between two steps: while it reads, migrates, writes or waits for an answer."""
    _prepared(world, do, mortal)

    log = tmp_path / "log"

    def once(trial: dict[str, Any], number: int, action: str, within: float = 0) -> str:
        environment = _runner(world, trial, action, number)
        return mortal(repo=trial["repo"], environment=environment, within=within, log=str(log))

    def trial_of(forge: FakeGitHub, address: str) -> dict[str, Any]:
        trial = world.trial(forge, address)
        if do == "push":  # the platform's very first run: the schema is made on the way
            Path(trial["url"].removeprefix("sqlite:///")).unlink()
        if do == "closed":
            assert once(trial, 1, "opened") == "0", log.read_text()
        return trial

    forge = FakeGitHub()
    with forge.served() as address:
        trial = trial_of(forge, address)
        began = time.monotonic()
        assert once(trial, 5, do) == "0", log.read_text()
        whole = time.monotonic() - began
        expected = world.seen(trial["url"], forge)
    assert forge.violations == []
    ended = set()
    for part in range(INSTANTS):
        forge = FakeGitHub()
        with forge.served() as address:
            trial = trial_of(forge, address)
            ended.add(once(trial, 5, do, whole * (part + 0.5) / INSTANTS))
            assert once(trial, 6, do) == "0", log.read_text()
            assert world.seen(trial["url"], forge) == expected, f"killed in part {part}"
        assert forge.violations == []
    assert "killed" in ended


def _runner(world: World, trial: dict[str, Any], do: str, number: int) -> dict[str, str]:
    """The variables and files that GitHub's runner gives to the command."""
    files = world.folder / "runner"
    files.mkdir(exist_ok=True)
    is_push = do == "push"
    payload = push_payload(world.repo) if is_push else request_payload(world.repo, do)
    name, ref = ("push", "refs/heads/main") if is_push else ("pull_request", "refs/pull/7/merge")
    return {
        **variables(name, world.repo, number, GITHUB_REF=ref),
        "GITHUB_API_URL": trial["forge"],
        "GITHUB_TOKEN": APP,
        "GITHUB_EVENT_PATH": str(payload_file(files, payload)),
        "GITHUB_OUTPUT": str(files / "output"),
        "GITHUB_STEP_SUMMARY": str(files / "summary.md"),
        "CASEWAY_DATABASE_URL": trial["url"],
        "CASEWAY_BASE_URL": "https://caseway.test",
    }
