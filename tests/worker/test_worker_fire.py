"""Schedules fire exactly once: with two processes that compete, across restarts, through clock changes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from worker_world import carry

from caseway.platform import executions
from caseway.platform.compose import Platform, open_platform
from caseway.platform.journal import JournalWriter
from caseway.platform.tables import executions as table
from caseway.targets.registry import TARGETS
from caseway.worker.fire import drain, fire_due
from caseway.worker.run import Worker

SET = "do:\n  - one:\n      set: {answer: 42}\n"

# One scheduler: from the moment given it fires what is due, moves its clock, and fires again.
SCHEDULER = """
import asyncio, json, sys, time
from datetime import datetime, timedelta
from pathlib import Path
from caseway.platform.compose import open_platform
from caseway.platform.journal import JournalWriter
from caseway.targets.registry import TARGETS
from caseway.worker.fire import fire_due
from caseway.worker.run import Worker

url, gate, own, begin, minutes, turns = sys.argv[1:]
now = datetime.fromisoformat(begin)
with open_platform(url, targets=TARGETS, clock=lambda: now, holder="scheduler@else:" + own) as platform:
    with JournalWriter(platform.database) as writer:
        worker, fired = Worker(platform, writer), []
        Path(gate + own).touch()
        while not (Path(gate + "1").exists() and Path(gate + "2").exists()):
            time.sleep(0.001)
        for _ in range(int(turns)):
            fired += asyncio.run(fire_due(worker))
            now += timedelta(minutes=int(minutes))
print(json.dumps(fired))
"""


class FakeClock:
    """Time that moves when told to."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


Opened = Callable[[datetime], tuple[Platform, FakeClock]]


@pytest.fixture
def reopen(tmp_path: Path) -> Iterator[Opened]:
    """Opens the platform as a process would that starts at that moment."""
    opened: list[Platform] = []

    def at(now: datetime) -> tuple[Platform, FakeClock]:
        clock = FakeClock(now)
        opened.append(open_platform(url(tmp_path), targets=TARGETS, clock=clock))
        return opened[-1], clock

    yield at
    for platform in opened:
        platform.close()


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'state.db'}"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def trigger(**fields: object) -> str:
    return json.dumps([{"id": "tick", "type": "schedule", **fields}])


def fire(platform: Platform) -> list[str]:
    with JournalWriter(platform.database) as writer:
        return asyncio.run(fire_due(Worker(platform, writer)))


def moments(platform: Platform) -> list[str]:
    """The due times for which executions were made, in order."""
    with platform.database.reading() as connection:
        keys = connection.scalars(sa.select(table.c.idempotency_key)).all()
    return sorted(str(key).rpartition("tick:")[2][:16] for key in keys)


@pytest.mark.parametrize(
    ("begin", "expected"),
    [
        # The clocks go forward on the 29th: there is no 02:30, it fires at 03:00 summer time.
        (
            "2026-03-27T12:00",
            ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30", "2026-03-31T00:30"],
        ),
        # They go back on the 25th: 02:30 comes twice, and fires the first time only.
        (
            "2026-10-23T12:00",
            ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30", "2026-10-27T01:30"],
        ),
    ],
)
def test_two_processes_fire_each_moment_once_through_a_change_of_clocks(
    reopen, project, tmp_path, begin, expected
):
    platform, _ = reopen(at(begin))
    carry(
        platform,
        project({"main": SET}, triggers=trigger(cron="30 2 * * *", timezone="Europe/Berlin", overlap=True)),
    )
    words = [url(tmp_path), str(tmp_path / "gate"), "", at(begin).isoformat(), "30", str(4 * 24 * 2)]
    running = []
    for own in ("1", "2"):
        words[2] = own
        running.append(
            subprocess.Popen([sys.executable, "-c", SCHEDULER, *words], stdout=subprocess.PIPE, text=True)
        )
    told = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    fired = [made for text in told for made in json.loads(text)]
    assert max(Counter(fired).values()) == 1
    assert moments(platform) == expected
    assert len(fired) == len(expected)


def test_a_restart_neither_repeats_nor_forgets(reopen, project):
    platform, clock = reopen(at("2026-01-01T12:00"))
    carry(platform, project({"main": SET}, triggers=trigger(every="1h", overlap=True, misfire="all")))
    clock.now = at("2026-01-01T13:00")
    assert len(fire(platform)) == 1
    platform.close()
    again, later = reopen(at("2026-01-01T13:00"))
    assert fire(again) == []
    later.now = at("2026-01-01T16:10")
    assert len(fire(again)) == 3
    assert moments(again) == [f"2026-01-01T{hour}:00" for hour in (13, 14, 15, 16)]


def test_what_a_process_fired_and_did_not_run_is_run_by_the_next(reopen, project):
    platform, clock = reopen(at("2026-01-01T12:00"))
    carry(platform, project({"main": SET}, triggers=trigger(every="1h")))
    clock.now += timedelta(hours=1)
    [made] = fire(platform)
    platform.close()
    again, _ = reopen(clock.now)

    async def run() -> list[str]:
        with JournalWriter(again.database) as writer:
            return [outcome.id for outcome in await drain(Worker(again, writer))]

    assert asyncio.run(run()) == [made]
    assert executions.get_execution(again, made).status == "completed"


@pytest.mark.parametrize(("misfire", "count"), [("once", 1), ("all", 3), ("skip", 0)])
def test_after_a_long_stop_the_misfire_policy_decides(reopen, project, misfire, count):
    platform, _ = reopen(at("2026-01-01T12:00"))
    carry(platform, project({"main": SET}, triggers=trigger(every="1h", misfire=misfire, overlap=True)))
    platform.close()
    again, clock = reopen(at("2026-01-01T15:30"))
    assert len(fire(again)) == count
    assert fire(again) == []
    clock.now = at("2026-01-01T16:00")
    assert len(fire(again)) == 1


@pytest.mark.parametrize(("overlap", "count"), [(False, 0), (True, 1)])
def test_a_firing_waits_for_the_one_before_unless_it_may_overlap(reopen, project, overlap, count):
    platform, clock = reopen(at("2026-01-01T12:00"))
    carry(platform, project({"main": SET}, triggers=trigger(every="1h", overlap=overlap)))
    clock.now += timedelta(hours=1)
    [first] = fire(platform)
    clock.now += timedelta(hours=1)
    assert len(fire(platform)) == count
    executions.cancel(platform, first, actor="me")
    clock.now += timedelta(hours=1)
    assert len(fire(platform)) == 1
