"""A week of operation in fast forward, over the night that has an hour twice: nothing drifts, nothing leaks.

The clock is turned by hand; everything else is real: schedules, executions, updates, keys, retention."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from caseway.model.desired import Desired
from caseway.platform import credentials, executions
from caseway.platform.compose import Platform
from caseway.platform.instance_views import get_instance
from caseway.platform.journal import JournalWriter
from caseway.platform.schedules import list_schedules
from caseway.platform.tables import executions as execution_table
from caseway.platform.tables import journal, leases, metadata, spans, tasks
from caseway.worker.fire import drain, fire_due
from caseway.worker.housekeeping import keep_house
from caseway.worker.run import Worker
from chaos.store_builders import (
    KEY,
    ORGANIZATION,
    StandingClock,
    a_document,
    a_platform,
    a_repo,
    a_use_case,
    a_workflow,
    an_instance,
    deployed,
    planned,
)
from postgres_server import administer, url_of

pytestmark = pytest.mark.timeout(1200)  # one test for each database turns the clock through the whole week

NAME = "invoice-dev"
BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(
    2026, 10, 22, 0, 0, tzinfo=UTC
)  # in the night to the 25th Berlin has the hour from 2 to 3 twice
STEP = timedelta(minutes=30)
STEPS = 7 * 24 * 2
OTHER_KEY = "b3RoZXItZmVybmV0LWtleS0zMi1ieXRlcy10ZXN0cyE="

TRIGGERS = [
    {"id": "often", "type": "schedule", "every": "30m"},
    {"id": "nightly", "type": "schedule", "cron": "30 2 * * *", "timezone": "Europe/Berlin"},
    {"id": "workdays", "type": "schedule", "cron": "0 9 * * 1-5", "timezone": "America/New_York"},
]


def a_project(text: str) -> Desired:
    """A use case that reads a secret on schedule; run data is kept for a day, telemetry for three."""
    say = {"set": {"text": text, "length": "${ $secrets.erp.token | length }"}}
    workflow = a_workflow(
        triggers=TRIGGERS, definition=a_document("main", use={"secrets": ["erp"]}, do=[{"say": say}])
    )
    use_case = a_use_case(workflows=[workflow], credentials={"erp": {"type": "bearer"}})
    listing = {**use_case.listing, "retention": {"runs": "1d", "telemetry": "3d"}}
    return a_repo(replace(use_case, listing=listing), an_instance())


class Week:
    """What became of the week."""

    def __init__(self, url: str) -> None:
        self.clock = StandingClock()
        self.clock.now = START
        self.url = url
        self.platform = self.opened(KEY)
        self.fired: Counter[tuple[str, str]] = Counter()
        self.versions: list[str] = []
        self.faulted = 0
        self.most_rows = 0

    def opened(self, key: str) -> Platform:
        return a_platform(self.url, clock=self.clock, secret_key=key)

    def run(self) -> None:
        credentials.set_credential(
            self.platform, ORGANIZATION, "erp", {"token": "t0ken"}, type="bearer", actor="ann"
        )
        deployed(self.platform, a_project("first"))
        for step in range(STEPS):
            self.clock.now += STEP
            asyncio.run(self.turn())
            if step % 2 == 1:
                keep_house(self.platform)
            if step == STEPS // 3:
                self.rotate()
            if step == STEPS // 2:
                deployed(self.platform, a_project("second"))
            self.most_rows = max(self.most_rows, self.counted(execution_table))

    async def turn(self) -> None:
        """What a worker does in one look."""
        with JournalWriter(self.platform.database) as writer:
            worker = Worker(self.platform, writer)
            fired = await fire_due(worker)
            outcomes = await drain(worker)
        self.faulted += sum(outcome.status != "completed" for outcome in outcomes)
        for execution_id in fired:
            view = executions.get_execution(self.platform, execution_id)
            self.fired[view.trigger_id, self.clock.now.isoformat()] += 1
            self.versions.append(view.version)

    def rotate(self) -> None:
        """A new key in front of the old, everything encrypted anew, then the old one is gone."""
        self.platform.close()
        self.platform = self.opened(f"{OTHER_KEY},{KEY}")
        credentials.rotate(self.platform, actor="ann", organization=ORGANIZATION)
        self.platform.close()
        self.platform = self.opened(OTHER_KEY)

    def counted(self, table: sa.Table) -> int:
        with self.platform.database.reading() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0

    def times(self, trigger_id: str) -> list[datetime]:
        return sorted(datetime.fromisoformat(at) for name, at in self.fired if name == trigger_id)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def week(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Week]:
    url = f"sqlite:///{tmp_path_factory.mktemp('week') / 'state.db'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        administer(server, "CREATE DATABASE week TEMPLATE migrated")
        url = url_of(server, "week")
    past = Week(url)
    past.run()
    yield past
    past.platform.close()


def test_what_fires_every_half_hour_fired_336_times(week: Week) -> None:
    assert len(week.times("often")) == STEPS


def test_nothing_fired_twice(week: Week) -> None:
    assert max(week.fired.values()) == 1


def test_a_local_time_that_comes_twice_in_a_night_fires_once(week: Week) -> None:
    days = [at.astimezone(BERLIN).date() for at in week.times("nightly")]
    assert len(days) == len(set(days)) == 7


def test_local_times_stay_when_the_clocks_go_back(week: Week) -> None:
    assert {at.astimezone(BERLIN).strftime("%H:%M") for at in week.times("nightly")} == {"02:30"}


def test_another_zone_keeps_its_own_hours(week: Week) -> None:
    there = [at.astimezone(ZoneInfo("America/New_York")) for at in week.times("workdays")]
    assert {at.strftime("%H:%M") for at in there} == {"09:00"}
    assert {at.weekday() for at in there} <= {0, 1, 2, 3, 4}


def test_every_execution_completed_through_rotation_and_update(week: Week) -> None:
    assert week.faulted == 0


def test_the_update_took_over_and_was_never_taken_back(week: Week) -> None:
    assert [version for version, _ in Counter(week.versions).items()] == ["1.0.0", "1.0.1"]


def test_run_data_never_held_more_than_its_retention(week: Week) -> None:
    a_day = 24 * 2 + 1 + 1
    an_hour = 2 + 1
    assert week.most_rows <= a_day + an_hour


@pytest.fixture
def aged(week: Week) -> Week:
    """The week when all that it kept for a time may go."""
    week.clock.now += timedelta(days=4)
    keep_house(week.platform)
    return week


def test_run_data_leaves_nothing_behind(aged: Week) -> None:
    assert [aged.counted(table) for table in (execution_table, journal, tasks)] == [0, 0, 0]


def test_telemetry_went_after_its_own_time(aged: Week) -> None:
    assert aged.counted(spans) == 0


def test_no_lease_is_held_at_the_end(week: Week) -> None:
    with week.platform.database.reading() as connection:
        assert (
            connection.scalars(sa.select(leases.c.name).where(leases.c.expires_at.is_not(None))).all() == []
        )


def test_nothing_is_to_be_done_at_the_end(week: Week) -> None:
    assert planned(week.platform, a_project("second")).is_empty


def test_the_schedules_know_their_next_firing(week: Week) -> None:
    assert all(view.next_at > START.isoformat() for view in list_schedules(week.platform, ORGANIZATION))


def test_the_instance_is_as_it_should_be(week: Week) -> None:
    view = get_instance(week.platform, ORGANIZATION, NAME)
    assert (view.phase, view.version, view.error) == ("active", "1.0.1", "")


def test_no_thread_was_left_behind(week: Week) -> None:
    assert [thread.name for thread in threading.enumerate() if "lease" in thread.name] == []


def test_no_table_grows_without_end(aged: Week) -> None:
    sizes = {name: aged.counted(table) for name, table in metadata.tables.items()}
    assert {name: size for name, size in sizes.items() if size > 60} == {}
