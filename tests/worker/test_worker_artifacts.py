"""Large values are kept once, by their content, and nobody who runs a workflow notices."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worker_world import carry

import caseway_runner as runner
from caseway.model.errors import CasewayError
from caseway.platform import artifacts, executions
from caseway.platform.compose import Platform, open_platform
from caseway.platform.journal import JournalWriter, StoreJournal, read
from caseway.platform.tables import artifact_uses
from caseway.platform.tables import artifacts as table
from caseway.platform.tables import executions as execution_table
from caseway.targets.registry import TARGETS
from caseway.worker.fire import drain
from caseway.worker.run import Worker

LARGE = "x" * 500


class Clock:
    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def platform(tmp_path: Path, clock: Clock) -> Iterator[Platform]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with open_platform(url, targets=TARGETS, clock=clock.now, artifact_bytes=200) as opened:
        yield opened


def start(platform: Platform, value: Any) -> str:
    new = executions.NewExecution(organization="acme", instance="demo", input=value)
    return executions.create(platform, new)


def work(platform: Platform) -> list[runner.Outcome]:
    async def once() -> list[runner.Outcome]:
        with JournalWriter(platform.database) as writer:
            return await drain(Worker(platform, writer))

    return asyncio.run(once())


MAIN = {
    "main": (
        "do:\n  - a: {set: {big: '${ .big }'}}\n  - b: {set: {n: '${ .big | length }', big: '${ .big }'}}\n"
    )
}


def count(platform: Platform, what: sa.Table) -> int:
    with platform.database.reading() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(what)) or 0)


def test_a_large_output_is_kept_once_for_journal_and_task(platform, project):
    carry(platform, project(MAIN))
    execution_id = start(platform, {"big": LARGE})
    (outcome,) = work(platform)
    assert outcome.output == {"n": 500, "big": LARGE}
    first, second = artifacts.list_artifacts(platform, execution_id)
    assert (first.uses, second.uses) == (("/do/1/b", "output"), ("/do/0/a",))
    assert artifacts.artifact_of(platform, execution_id, second.digest) == {"big": LARGE}
    shown = executions.tasks(platform, execution_id)[0].output
    assert shown == {"$artifact": second.digest, "bytes": second.size}
    with platform.database.reading() as connection:
        assert LARGE not in str(connection.exec_driver_sql("SELECT data FROM journal").all())


def test_two_executions_share_what_is_the_same(platform, project):
    carry(platform, project(MAIN))
    start(platform, {"big": LARGE})
    start(platform, {"big": LARGE})
    work(platform)
    assert count(platform, table) == 2


def test_a_rerun_takes_the_large_results_it_needs(platform, project):
    carry(platform, project(MAIN))
    first = start(platform, {"big": LARGE})
    work(platform)
    executions.rerun(platform, first, executions.Again("/do/1/b"), actor="ann")
    (outcome,) = work(platform)
    assert outcome.output == {"n": 500, "big": LARGE}
    assert count(platform, table) == 2


def test_small_values_stay_where_they_are(platform, project):
    carry(platform, project(MAIN))
    execution_id = start(platform, {"big": "x"})
    work(platform)
    assert artifacts.list_artifacts(platform, execution_id) == []


def test_what_is_not_the_execution_s_is_not_shown(platform, project):
    carry(platform, project(MAIN))
    one, other = start(platform, {"big": LARGE}), start(platform, {"big": "x"})
    work(platform)
    digest = artifacts.list_artifacts(platform, one)[0].digest
    with pytest.raises(CasewayError):
        artifacts.artifact_of(platform, other, digest)
    with pytest.raises(CasewayError):
        artifacts.artifact_of(platform, one, digest, organization="other")


def test_what_nothing_uses_any_more_goes_when_it_has_expired(platform, project, clock):
    carry(platform, project(MAIN))
    start(platform, {"big": LARGE})
    work(platform)
    clock.time += timedelta(days=30)
    assert artifacts.collect(platform) == 0
    with platform.database.writing() as connection:
        connection.execute(sa.delete(execution_table))
    assert count(platform, artifact_uses) == 0
    assert (artifacts.collect(platform), count(platform, table)) == (2, 0)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(VALUES, min_size=1, max_size=4))
def test_a_journal_reads_as_it_was_written(platform, project, values):
    if "ready" not in project.__dict__:
        carry(platform, project(MAIN))
        project.ready = True
    execution_id = start(platform, {})
    held = executions.claim(platform, execution_id, worker="me")
    entries = [
        runner.Entry(f"/{at}", "noted", "2026-01-01T00:00:00.000000Z", one) for at, one in enumerate(values)
    ]

    async def write() -> None:
        with JournalWriter(platform.database) as writer:
            await StoreJournal(writer, held).append(entries)

    asyncio.run(write())
    executions.release(platform, held, status="suspended")
    assert list(read(platform.database, execution_id)) == entries


def test_a_large_result_is_kept_apart_and_shown_whole(platform, project):
    carry(platform, project(MAIN))
    execution_id = start(platform, {"big": LARGE})
    work(platform)
    assert executions.get_execution(platform, execution_id).result == {"n": 500, "big": LARGE}
    (listed,) = executions.list_executions(platform, "acme").items
    assert set(listed.result) == {"$artifact", "bytes"}
    with platform.database.reading() as connection:
        (kept,) = connection.execute(sa.select(execution_table.c.result)).scalars()
    assert LARGE not in str(kept)


def test_a_result_that_looks_like_a_reference_opens_nothing(platform, project):
    carry(
        platform,
        project({"main": "do:\n  - s: {set: {a: '${ .a }', b: '${ .b }'}, output: {as: '${ .a }'}}\n"}),
    )
    first = start(platform, {"a": {"big": LARGE}})
    work(platform)
    (artifact, *_) = artifacts.list_artifacts(platform, first)
    forged = {"$artifact": artifact.digest, "bytes": artifact.size}
    second = start(platform, {"a": forged})
    work(platform)
    assert executions.get_execution(platform, second).result == forged


INPUTS = """do:
  - first: {set: {n: 1, note: 'what is longer than the texts that are kept twice, because it is long'}}
  - second: {set: {n: '${ .n + 1 }'}, input: {from: '${ {n: (.n * 10)} }'}}
  - third: {do: [{inner: {set: {n: '${ .n + 1 }'}}}]}
"""


def test_tasks_show_what_they_were_given(platform, project):
    carry(platform, project({"main": INPUTS}))
    execution_id = start(platform, {"big": LARGE})
    work(platform)
    shown = {task.name: task.input for task in executions.tasks(platform, execution_id)}
    assert set(shown["first"]) == {"$artifact", "bytes"}
    assert (shown["second"], shown["third"], shown["inner"]) == ({"n": 10}, {"n": 11}, {"n": 11})
    digest = shown["first"]["$artifact"]
    assert artifacts.artifact_of(platform, execution_id, digest) == {"big": LARGE}


def test_an_input_that_is_the_output_before_is_kept_once(platform, project):
    main = (
        MAIN["main"].replace("- b: {", "- b: {input: {from: '${ . }'}, ") + "  - c: {set: {n: '${ .n }'}}\n"
    )
    carry(platform, project({"main": main}))
    execution_id = start(platform, {"big": LARGE})
    work(platform)
    with platform.database.reading() as connection:
        kept = connection.execute(sa.text("SELECT name, input FROM tasks ORDER BY number")).all()
    assert kept[2] == ("c", ">/do/1/b")
    last = executions.tasks(platform, execution_id)[2]
    assert last.input == executions.tasks(platform, execution_id)[1].output
