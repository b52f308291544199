"""When schedules fire: seconds, intervals, and the two days a year on which the clocks lie."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.platform.due import missed, next_due, upcoming

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shown(cron: str, zone: str, after: str, number: int) -> list[str]:
    """The next firings by the clock on the wall there, with its distance from UTC."""
    found = upcoming({"cron": cron, "timezone": zone}, at(after), number)
    return [f"{moment.astimezone(ZoneInfo(zone)):%d %H:%M:%S%z}" for moment in found]


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        # The gap: at 2:00 clocks go to 3:00. A fixed time in it comes right after it, once.
        ("30 2 * * *", BERLIN, "2026-03-28T12:00", ["29 03:00:00+0200", "30 02:30:00+0200"]),
        ("15,45 2 * * *", BERLIN, "2026-03-28T12:00", ["29 03:00:00+0200", "30 02:15:00+0200"]),
        ("0 * * * *", BERLIN, "2026-03-29T00:00", ["29 03:00:00+0200", "29 04:00:00+0200"]),
        ("*/30 * * * *", BERLIN, "2026-03-29T00:00", ["29 01:30:00+0100", "29 03:00:00+0200"]),
        # The overlap: at 3:00 clocks go back to 2:00. A fixed time in it comes once, the first time.
        ("30 2 * * *", BERLIN, "2026-10-24T12:00", ["25 02:30:00+0200", "26 02:30:00+0100"]),
        ("30 2 * * *", BERLIN, "2026-10-25T01:10", ["26 02:30:00+0100", "27 02:30:00+0100"]),
        ("0 * * * *", BERLIN, "2026-10-24T23:30", ["25 02:00:00+0200", "25 02:00:00+0100"]),
        ("*/30 * * * *", BERLIN, "2026-10-25T00:30", ["25 02:00:00+0100", "25 02:30:00+0100"]),
        # Other zones: New York, half an hour on Lord Howe, none in Kolkata, a whole day in Apia.
        ("30 1 * * *", "America/New_York", "2026-11-01T06:10", ["02 01:30:00-0500", "03 01:30:00-0500"]),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00", ["04 02:30:00+1100", "05 02:15:00+1100"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T15:05", ["06 01:45:00+1030", "07 01:45:00+1030"]),
        ("30 2 * * *", "Asia/Kolkata", "2026-03-28T21:00", ["30 02:30:00+0530", "31 02:30:00+0530"]),
        # Seconds stand in front.
        ("*/20 * * * * *", "UTC", "2026-01-01T00:00", ["01 00:00:20+0000", "01 00:00:40+0000"]),
        ("30 0 12 * * *", BERLIN, "2026-03-28T12:00", ["29 12:00:30+0200", "30 12:00:30+0200"]),
    ],
)
def test_a_schedule_keeps_to_the_clock_on_the_wall(
    cron: str, zone: str, after: str, expected: list[str]
) -> None:
    assert shown(cron, zone, after, len(expected)) == expected


FIXED = st.tuples(st.integers(0, 59), st.integers(0, 23))
DAYS = {  # the days on which clocks change, and their neighbours
    BERLIN: ["2026-03-28", "2026-10-24"],
    "America/New_York": ["2026-03-07", "2026-10-31"],
    "Australia/Lord_Howe": ["2026-04-04", "2026-10-03"],
    "America/Santiago": ["2026-04-04", "2026-09-05"],
}


@given(FIXED, st.sampled_from([(zone, day) for zone, days in DAYS.items() for day in days]), st.data())
def test_a_fixed_time_comes_once_a_day_from_wherever_one_looks(
    time: tuple[int, int], where: tuple[str, str], data: st.DataObject
) -> None:
    zone, day = where
    trigger = {"cron": f"{time[0]} {time[1]} * * *", "timezone": zone}
    begin = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) - timedelta(seconds=1)
    found = upcoming(trigger, begin, 3)
    days = [moment.astimezone(ZoneInfo(zone)).date() for moment in found]
    assert len(set(days)) == 3
    look = begin + timedelta(minutes=data.draw(st.integers(0, 60 * 47)))
    assert next_due(trigger, look) == next((moment for moment in found if moment > look), None)


@given(st.sampled_from([5, 10, 15, 30]), st.sampled_from(sorted(DAYS)), st.integers(0, 60 * 24 * 3))
def test_what_counts_the_time_that_passes_knows_no_gap_and_no_overlap(
    step: int, zone: str, minutes: int
) -> None:
    for day in DAYS[zone]:
        look = at(f"{day}T00:00") + timedelta(minutes=minutes)
        found = next_due({"cron": f"*/{step} * * * *", "timezone": zone}, look)
        assert found == look + timedelta(minutes=step - look.minute % step)


@given(
    st.sampled_from(["*/7 * * * *", "0 9-17 * * 1-5", "30 2 * * *", "0 0 1 * *", "*/20 * * * * *"]),
    st.integers(0, 5000),
    st.integers(1, 12),
)
def test_what_was_missed_are_the_last_firings_until_now(cron: str, minutes: int, most: int) -> None:
    trigger = {"cron": cron, "timezone": BERLIN}
    first = next_due(trigger, at("2026-03-27T00:00"))
    assert first is not None
    now = first + timedelta(minutes=minutes)
    every_one, moment = [first], next_due(trigger, first)
    while moment is not None and moment <= now and len(every_one) < 2000:
        every_one.append(moment)
        moment = next_due(trigger, moment)
    if len(every_one) < 2000:
        assert missed(trigger, first, now, most) == every_one[-most:]


@given(st.integers(1, 100), st.integers(0, 10_000), st.integers(1, 12))
def test_what_was_missed_of_an_interval_keeps_its_beat(length: int, late: int, most: int) -> None:
    first = at("2026-01-01T00:00")
    found = missed({"every": f"{length}s"}, first, first + timedelta(seconds=late), most)
    beats = [first + timedelta(seconds=length * number) for number in range(late // length + 1)]
    assert found == beats[-most:]


def test_years_of_a_schedule_each_second_are_not_counted_one_by_one() -> None:
    found = missed({"cron": "* * * * * *"}, at("2020-01-01T00:00"), at("2026-01-01T00:00"), 10)
    assert [moment.second for moment in found] == [*range(51, 60), 0]


def test_the_first_five_firings_can_be_shown() -> None:
    assert len(upcoming({"every": "15m"}, at("2026-01-01T00:00"))) == 5
    assert upcoming({"cron": "0 0 29 2 *"}, at("2026-01-01T00:00"), 1) == [at("2028-02-29T00:00")]
