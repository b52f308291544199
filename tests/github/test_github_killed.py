"""`caseway ci` killed at any moment and run again ends where it would have ended, on platform and forge."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from caseway.platform import previews
from caseway.platform.tables import metadata
from caseway.platform.views import list_instances
from github.github_fake import FakeGitHub
from github.github_world import Pipeline, Repo

TESTS = Path(__file__).parents[1]
UNEQUAL = frozenset(
    {"audit", "leases", "store", "deployments", "deployment_steps"}
)  # attempts leave their lines
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
    server.wait(timeout=30)
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
