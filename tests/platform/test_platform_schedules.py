"""Schedules: when they fire, and that they fire once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.model.errors import CasewayError
from caseway.platform import executions, instances, schedules
from caseway.platform.compose import Platform
from caseway.platform.due import next_due
from chaos.store_builders import (
    ORGANIZATION,
    Open,
    StandingClock,
    a_repo,
    a_use_case,
    a_workflow,
    an_instance,
    deployed,
)

NAME = "invoice-dev"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def scheduled(platform: Platform, **trigger: Any) -> None:
    """An instance with one schedule: every hour unless said otherwise."""
    trigger = {"id": "tick", "type": "schedule", **({"every": "1h"} | trigger)}
    if "cron" in trigger:
        del trigger["every"]
    case = a_use_case(workflows=[a_workflow(triggers=[trigger])])
    deployed(platform, a_repo(case, an_instance()))


def end(platform: Platform, execution_id: str) -> None:
    """Let an execution be over."""
    executions.cancel(platform, execution_id, actor="tests")


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        ("0 2 * * *", "UTC", "2026-01-01T02:00", "2026-01-02T02:00"),
        ("0 2 * * *", "Europe/Berlin", "2026-01-01T12:00", "2026-01-02T01:00"),
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", "2026-03-29T01:00"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", "2026-10-25T00:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("*/15 * * * *", "Asia/Kolkata", "2026-01-01T00:01", "2026-01-01T00:15"),
    ],
)
def test_cron_is_read_in_its_time_zone_through_clock_changes(
    cron: str, zone: str, after: str, expected: str
) -> None:
    assert next_due({"cron": cron, "timezone": zone}, at(after)) == at(expected)


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)),
    st.sampled_from(["* * * * *", "30 2 * * *", "0 0 1 * *", "15 1-3 * * SUN"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
def test_a_firing_is_always_later_than_the_one_before(moment: datetime, cron: str, zone: str) -> None:
    now = moment.replace(tzinfo=UTC)
    for _ in range(3):
        following = next_due({"cron": cron, "timezone": zone}, now)
        assert following is not None and following > now
        now = following


@pytest.mark.parametrize(
    "trigger",
    [{"cron": "nonsense"}, {"cron": "* * * * *", "timezone": "Mars/Base"}, {"every": "0s"}, {"every": "x"}],
)
def test_a_schedule_that_cannot_be_read_is_an_error_in_words(trigger: dict[str, str]) -> None:
    with pytest.raises(CasewayError) as caught:
        next_due(trigger, at("2026-01-01T00:00"))
    assert caught.value.code == "schedule"


def test_nothing_fires_before_its_time(platform: Platform, clock: StandingClock) -> None:
    scheduled(platform)
    clock.advance(minutes=59)
    assert schedules.due(platform) == []


def test_a_due_schedule_fires_once_and_moves_on(platform: Platform, clock: StandingClock) -> None:
    scheduled(platform)
    clock.advance(hours=1)
    fired = schedules.due(platform)

    assert len(fired) == 1 and schedules.due(platform) == []
    view = executions.get_execution(platform, fired[0])
    assert (view.trigger, view.trigger_id, view.actor) == ("schedule", "tick", "schedule")
    shown = schedules.list_schedules(platform, ORGANIZATION)[0]
    assert (shown.next_at, shown.last_at) == ("2026-01-01T14:00:00.000000Z", "2026-01-01T13:00:00.000000Z")


def test_many_schedulers_fire_once(reopen: Open, clock: StandingClock) -> None:
    platforms = [reopen() for _ in range(3)]
    scheduled(platforms[0])
    clock.advance(hours=1)
    start, fired = threading.Barrier(3), []

    def run(platform: Platform) -> None:
        start.wait()
        fired.extend(schedules.due(platform))

    threads = [threading.Thread(target=run, args=(platform,)) for platform in platforms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fired) == 1


@pytest.mark.parametrize(("misfire", "count"), [("once", 1), ("all", 4), ("skip", 0)])
def test_what_was_missed_is_made_up_for_as_the_policy_says(
    platform: Platform, clock: StandingClock, misfire: str, count: int
) -> None:
    scheduled(platform, misfire=misfire, overlap=True)
    clock.advance(hours=4, minutes=30)

    assert len(schedules.due(platform)) == count
    assert schedules.list_schedules(platform, ORGANIZATION)[0].next_at == "2026-01-01T17:00:00.000000Z"


def test_a_schedule_does_not_overlap_itself(platform: Platform, clock: StandingClock) -> None:
    scheduled(platform)
    clock.advance(hours=1)
    first = schedules.due(platform)
    clock.advance(hours=1)
    assert schedules.due(platform) == []

    end(platform, first[0])
    clock.advance(hours=1)
    assert len(schedules.due(platform)) == 1


def test_a_paused_instance_fires_nothing_and_makes_up_for_nothing(
    platform: Platform, clock: StandingClock
) -> None:
    scheduled(platform)
    instances.pause(platform, ORGANIZATION, NAME, actor="ann")
    clock.advance(hours=5)
    assert schedules.due(platform) == []

    instances.resume(platform, ORGANIZATION, NAME, actor="ann")
    assert schedules.due(platform) == []
    clock.advance(hours=1)
    assert len(schedules.due(platform)) == 1


def test_an_update_does_not_move_a_schedule_that_stays(platform: Platform, clock: StandingClock) -> None:
    scheduled(platform)
    clock.advance(minutes=50)
    trigger = {"id": "tick", "type": "schedule", "every": "1h"}
    changed = a_use_case(title="changed", workflows=[a_workflow(triggers=[trigger])])
    deployed(platform, a_repo(changed, an_instance()))
    clock.advance(minutes=10)

    assert len(schedules.due(platform)) == 1


def test_a_schedule_that_is_gone_from_the_repo_fires_no_more(
    platform: Platform, clock: StandingClock
) -> None:
    scheduled(platform)
    deployed(platform, a_repo(a_use_case(), an_instance()))
    clock.advance(days=1)

    assert schedules.due(platform) == [] and schedules.list_schedules(platform, ORGANIZATION) == []


def test_running_now_leaves_the_schedule_alone(platform: Platform, clock: StandingClock) -> None:
    scheduled(platform, cron="0 2 * * *", timezone="Europe/Berlin")
    before = schedules.list_schedules(platform, ORGANIZATION)
    execution_id = schedules.run_now(platform, ORGANIZATION, NAME, actor="ann")

    assert executions.get_execution(platform, execution_id).trigger == "schedule"
    assert schedules.list_schedules(platform, ORGANIZATION) == before
    assert clock() < at("2026-01-02T01:00") - timedelta(hours=1)
