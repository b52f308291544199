"""Schedules: when they fire, and that they fire once."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from caseway.model.errors import CasewayError
from caseway.platform import executions, instances, schedules
from caseway.platform.compose import Platform
from caseway.platform.creation import NewExecution
from caseway.platform.due import next_due
from caseway.platform.tables import executions as table
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
    execution_id = executions.create(
        platform, NewExecution(ORGANIZATION, NAME, trigger="schedule", actor="ann")
    )

    assert executions.get_execution(platform, execution_id).trigger == "schedule"
    assert schedules.list_schedules(platform, ORGANIZATION) == before
    assert clock() < at("2026-01-02T01:00") - timedelta(hours=1)


def test_what_may_not_overlap_is_made_up_for_one_after_the_other(
    platform: Platform, clock: StandingClock
) -> None:
    scheduled(platform, misfire="all")
    clock.advance(hours=3, minutes=30)
    fired = []
    for _ in range(5):
        fired += schedules.due(platform)
        assert schedules.due(platform) == []
        if fired:
            cancel_open(platform, fired[-1])
    assert len(fired) == 3
    assert schedules.list_schedules(platform, ORGANIZATION)[0].next_at == "2026-01-01T16:00:00.000000Z"


def cancel_open(platform: Platform, execution_id: str) -> None:
    if executions.get_execution(platform, execution_id).ended_at == "":
        end(platform, execution_id)


def test_a_firing_that_waits_its_turn_is_not_lost(platform: Platform, clock: StandingClock) -> None:
    scheduled(platform, misfire="all")
    clock.advance(hours=1)
    first = schedules.due(platform)
    clock.advance(hours=2)
    assert schedules.due(platform) == []
    end(platform, first[0])
    second = schedules.due(platform)
    assert len(second) == 1
    end(platform, second[0])
    assert len(schedules.due(platform)) == 1


def test_of_what_was_missed_only_the_last_ten_are_made_up_for(
    platform: Platform, clock: StandingClock
) -> None:
    scheduled(platform, misfire="all", overlap=True)
    clock.advance(days=30)
    assert len(schedules.due(platform)) == schedules.MADE_UP_FOR
    assert schedules.due(platform) == []


def test_a_firing_that_was_left_out_can_be_seen(platform: Platform, clock: StandingClock) -> None:
    scheduled(platform)
    clock.advance(hours=1)
    schedules.due(platform)
    clock.advance(hours=1)
    schedules.due(platform)
    (view,) = schedules.list_schedules(platform, ORGANIZATION)
    assert (view.last_at[11:13], view.skipped_at[11:13], view.next_at[11:13]) == ("13", "14", "15")


def test_the_next_five_firings_are_shown(platform: Platform, clock: StandingClock) -> None:
    scheduled(platform, cron="0 0 12 * * MON")
    (view,) = schedules.list_schedules(platform, ORGANIZATION)
    days = [text[:10] for text in view.upcoming]
    assert days == ["2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26", "2026-02-02"]
    assert view.next_at == view.upcoming[0]
    instances.pause(platform, ORGANIZATION, NAME, actor="ann")
    assert schedules.list_schedules(platform, ORGANIZATION)[0].upcoming == ()


def test_a_week_with_a_clock_change_in_fast_forward_neither_loses_nor_doubles_a_firing(
    platform: Platform, clock: StandingClock
) -> None:
    triggers = {
        "night": {"cron": "30 2 * * *", "timezone": "Europe/Berlin"},
        "hour": {"cron": "0 * * * *", "timezone": "Europe/Berlin"},
        "beat": {"every": "90m"},
        "second": {"cron": "15 0 12 * * *", "timezone": "America/New_York"},
    }
    begin, ending = at("2026-03-26T00:00"), at("2026-04-02T00:00")
    clock.now = begin
    common = {"type": "schedule", "overlap": True, "misfire": "all"}
    listed = [{"id": name, **common, **trigger} for name, trigger in triggers.items()]
    deployed(platform, a_repo(a_use_case(workflows=[a_workflow(triggers=listed)]), an_instance()))
    steps = itertools.cycle([1, 7, 61, 13, 119, 3, 241])  # minutes: often on time, sometimes late
    while clock.now < ending:
        clock.now = min(clock.now + timedelta(minutes=next(steps)), ending)
        while schedules.due(platform):
            pass
    with platform.database.reading() as connection:
        query = sa.select(table.c.trigger_id, table.c.idempotency_key)
        fired = Counter((row[0], row[1].rpartition("Z")[0][-26:]) for row in connection.execute(query))
    assert set(fired.values()) == {1}
    found = {name: sorted(when for trigger, when in fired if trigger == name) for name in triggers}
    assert [text[:16] for text in found["night"]] == [
        *(f"2026-03-{day}T01:30" for day in (26, 27, 28)),
        "2026-03-29T01:00",  # 2:30 is skipped there: right after the gap, at 3:00
        *(f"2026-03-{day}T00:30" for day in (30, 31)),
        "2026-04-01T00:30",
    ]
    assert found["hour"] == [
        f"{begin + timedelta(hours=number):%Y-%m-%dT%H}:00:00.000000" for number in range(1, 169)
    ]
    assert len(found["beat"]) == 7 * 24 * 60 // 90
    assert {text[11:19] for text in found["second"]} == {"16:00:15"}
    assert len(found["second"]) == 7
