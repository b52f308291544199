"""An apply killed at any boundary, inside transactions too, converges when it is made again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from caseway.model.snapshot import Snapshot
from caseway.platform.compose import Platform, this_process
from caseway.platform.snapshot import read_snapshot
from caseway.platform.tables import (
    current_deployments,
    deployed_workflows,
    deployments,
    live_workflows,
    templates,
)
from chaos.scenarios import SCENARIOS, Step
from chaos.store_builders import ORGANIZATION, a_platform, deployed, planned

TESTS = Path(__file__).parent.parent
ENOUGH = 500  # more boundaries than any scenario has


@pytest.fixture
def dying() -> Iterator[Any]:
    """Runs the last step of a scenario in a process that dies; says how it ended."""
    server = subprocess.Popen(
        [sys.executable, "-m", "chaos.dying"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=TESTS,
    )
    assert server.stdin is not None and server.stdout is not None

    def run(url: str, scenario: str, at: int) -> str:
        server.stdin.write(json.dumps({"url": url, "scenario": scenario, "at": at}) + "\n")  # type: ignore[union-attr]
        server.stdin.flush()  # type: ignore[union-attr]
        return server.stdout.readline().strip()  # type: ignore[union-attr]

    yield run
    server.stdin.close()
    server.wait(timeout=120)
    server.stdout.close()


def a_store(folder: Path, name: str, steps: tuple[Step, ...]) -> str:
    """A database in which these steps were applied."""
    url = f"sqlite:///{folder}/{name}.db"
    with a_platform(url, holder=this_process()) as platform:
        for step in steps:
            deployed(platform, step.repo, **step.options)
    return url


def copied(folder: Path, number: int) -> str:
    """A copy of the database as it is before the last step."""
    for suffix in ("", "-wal"):
        file = folder / f"before.db{suffix}"
        if file.exists():
            (folder / f"{number}.db{suffix}").write_bytes(file.read_bytes())
    return f"sqlite:///{folder}/{number}.db"


def seen(snapshot: Snapshot) -> Any:
    """What a snapshot says, without ids and revision."""
    return {
        "processes": {
            name: (
                item.listing,
                item.archived,
                [(one.version, one.digest, one.status) for one in item.templates],
            )
            for name, item in snapshot.processes.items()
        },
        "instances": {
            name: (
                item.phase,
                item.desired,
                item.applied,
                item.auto_paused_by,
                item.current
                and (
                    item.current.version,
                    item.current.inputs_digest,
                    item.current.status,
                    [
                        (one.workflow, one.digest, one.published_digest, one.active)
                        for one in item.current.workflows
                    ],
                ),
            )
            for name, item in snapshot.instances.items()
        },
        "connections": {name: item.digest for name, item in snapshot.connections.items()},
    }


def assert_nothing_is_twice_or_left_over(platform: Platform) -> None:
    """No stray live workflow, no open attempt, no template of a digest twice."""
    with platform.database.reading() as connection:
        serving = sa.select(deployed_workflows.c.live_id).join(
            current_deployments,
            current_deployments.c.deployment_id == deployed_workflows.c.deployment_id,
        )
        live = connection.scalars(sa.select(live_workflows.c.live_id)).all()
        assert sorted(live) == sorted(connection.scalars(serving).all())
        statuses = set(connection.scalars(sa.select(deployments.c.status)).all())
        assert statuses <= {"deployed", "superseded", "failed", "undeployed"}
        digests = connection.scalars(sa.select(templates.c.digest)).all()
        assert len(digests) == len(set(digests))


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_an_apply_killed_at_any_boundary_converges(tmp_path: Path, dying: Any, scenario: str) -> None:
    *before, last = SCENARIOS[scenario]
    a_store(tmp_path, "before", tuple(before))
    with a_platform(a_store(tmp_path, "whole", (*before, last))) as platform:
        whole = seen(read_snapshot(platform, ORGANIZATION))

    for at in range(1, ENOUGH):
        url = copied(tmp_path, at)
        ended = dying(url, scenario, at)
        assert ended in {"killed", "finished"}, at
        with a_platform(url, holder=this_process()) as platform:
            deployed(platform, last.repo, **last.options)
            assert planned(platform, last.repo, **last.options).is_empty, at
            assert seen(read_snapshot(platform, ORGANIZATION)) == whole, at
            assert_nothing_is_twice_or_left_over(platform)
        if ended == "finished":
            break
    assert ended == "finished" and at > 10
