"""Workflows that several events start together, or one that fits more than plain attributes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from worker_world import carry

from caseway.model.canonical import JsonObject
from caseway.platform import event_starts, executions, gathering, gathering_step, inbox, instances
from caseway.platform.audit import list_audit
from caseway.platform.compose import Platform, open_platform
from caseway.platform.gathering_step import Incoming, Opened, look
from caseway.platform.journal import JournalWriter
from caseway.platform.sweeping import sweep
from caseway.platform.tables import event_starts as starts_table
from caseway.platform.tables import executions as executions_table
from caseway.platform.tables import gathered_events, gatherings
from caseway.targets.registry import TARGETS
from caseway.worker.fire import drain, fire_due
from caseway.worker.run import Worker
from caseway_runner import compile_start
from caseway_runner.yaml_text import read_yaml

SAY = "do:\n  - say: {set: {got: '${ [.[].data] }'}}\n"
COUNT = itertools.count(1)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def platform(url: str, tmp_path: Path, clock: Clock) -> Iterator[Platform]:
    with open_platform(url, targets=TARGETS, clock=clock.now, key_file=tmp_path / "key") as opened:
        yield opened


def a_project(project: Any, on: str, body: str = SAY, more: str = "") -> Path:
    """A project whose workflow starts on this."""
    root: Path = project({"main": f"{more}schedule:\n  'on': {on}\n{body}"})
    use_case = root / "use-cases" / "demo" / "usecase.yaml"
    head, _, _ = use_case.read_text().partition(", triggers")
    use_case.write_text(head + "}\n")
    return root


def send(platform: Platform, kind: str, data: Any = None, *, emitter: str = "", **more: Any) -> None:
    event = {"id": str(next(COUNT)), "source": "http://shop", "type": kind, "data": data, **more}
    inbox.deliver(platform, "acme", event, actor="tests", emitter=emitter)


def work(platform: Platform, clock: Clock) -> list[Any]:
    """What a worker does: gather, run; what each execution was given, as data."""

    async def once() -> list[Any]:
        with JournalWriter(platform.database) as writer:
            worker = Worker(platform, writer)
            await fire_due(worker)
            return [outcome.output["got"] for outcome in await drain(worker)]

    return sorted(asyncio.run(once()), key=str)


def rows(platform: Platform, table: sa.Table) -> int:
    with platform.database.reading() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


ORDERS = (
    "{all: [{with: {type: paid}, correlate: {order: {from: .data.order}}}, "
    "{with: {type: packed}, correlate: {order: {from: .data.order}}}]}"
)


def test_all_waits_for_one_event_of_each_filter_with_the_same_key(platform, project, clock):
    carry(platform, a_project(project, ORDERS))
    send(platform, "paid", {"order": 1})
    send(platform, "packed", {"order": 2})
    assert work(platform, clock) == []
    send(platform, "paid", {"order": 2})
    assert work(platform, clock) == [[{"order": 2}, {"order": 2}]]
    send(platform, "packed", {"order": 1})
    assert work(platform, clock) == [[{"order": 1}, {"order": 1}]]
    assert (rows(platform, gatherings), rows(platform, gathered_events)) == (0, 0)


def test_the_input_is_all_events_in_the_order_of_their_arrival(platform, project, clock):
    body = "do:\n  - say: {set: {got: '${ [.[] | .type] }'}}\n"
    carry(platform, a_project(project, "{all: [{with: {type: a}}, {with: {type: b}}]}", body))
    for kind in ("b", "x", "a"):
        send(platform, kind)
    assert work(platform, clock) == [["b", "a"]]


def test_what_was_gathered_outlives_every_process(url, project, tmp_path, clock):
    def opened() -> Platform:
        return open_platform(url, targets=TARGETS, clock=clock.now, key_file=tmp_path / "key")

    with opened() as platform:
        carry(platform, a_project(project, ORDERS))
        send(platform, "paid", {"order": 1})
        gathering.gather_due(platform)
    with opened() as platform:
        send(platform, "packed", {"order": 1})  # nobody has looked at it when this process ends
    with opened() as platform:
        assert work(platform, clock) == [[{"order": 1}, {"order": 1}]]


def test_an_event_goes_to_every_start_that_waits_for_it(platform, project, clock):
    carry(platform, a_project(project, "{all: [{with: {type: a}}, {with: {type: b}}]}"))
    send(platform, "a", 1)
    send(platform, "a", 2)
    send(platform, "b", 3)
    assert work(platform, clock) == [[1, 3], [2, 3]]


def test_any_until_a_condition_on_what_was_gathered(platform, project, clock):
    carry(platform, a_project(project, "{any: [{with: {type: a}}], until: '[.[].data] | add > 10'}"))
    for number in (4, 5, 6, 7):
        send(platform, "a", number)
        gathering.gather_due(platform)
    assert work(platform, clock) == [[4, 5, 6]]
    send(platform, "a", 8)
    assert work(platform, clock) == [[7, 8]]


def test_any_until_an_event_that_is_not_part_of_the_input(platform, project, clock):
    carry(platform, a_project(project, "{any: [{with: {type: a}}], until: {one: {with: {type: close}}}}"))
    send(platform, "close")  # of nothing
    send(platform, "a", 1)
    assert work(platform, clock) == []
    send(platform, "a", 2)
    send(platform, "close")
    assert work(platform, clock) == [[1, 2]]


def test_an_expression_looks_at_the_attribute_and_decides(platform, project, clock):
    carry(platform, a_project(project, "{one: {with: {type: a, data: '${ .n > 1 }'}}}"))
    for number in (1, 2):
        send(platform, "a", {"n": number})
    assert work(platform, clock) == [[{"n": 2}]]


def test_expressions_without_braces_count_where_the_document_is_loose(platform, project, clock):
    more = "evaluate: {mode: loose}\n"
    carry(platform, a_project(project, "{one: {with: {type: a, data: '.n > 1'}}}", more=more))
    for number in (1, 2):
        send(platform, "a", {"n": number})
    assert work(platform, clock) == [[{"n": 2}]]


def test_attributes_may_be_regular_expressions(platform, project, clock):
    carry(platform, a_project(project, "{one: {with: {type: 'com[.]acme[.].*'}}}"))
    for kind in ("com.acme.paid", "com.acmeXpaid", "org.com.acme.paid"):
        send(platform, kind, kind)
    assert work(platform, clock) == [["com.acme.paid"]]


@pytest.mark.parametrize("expect", ["gold", '${ startswith("go") }', '${ "go" + "ld" }'])
def test_a_correlation_may_expect_a_value(platform, project, clock, expect):
    found = f"{{one: {{with: {{type: a}}, correlate: {{kind: {{from: .data, expect: '{expect}'}}}}}}}}"
    carry(platform, a_project(project, found))
    for kind in ("silver", "gold"):
        send(platform, "a", kind)
    assert work(platform, clock) == [["gold"]]


def test_any_without_filters_takes_all_but_what_the_workflow_sends_itself(platform, project, clock):
    carry(platform, a_project(project, "{any: []}"))
    send(platform, "a", 1)
    assert work(platform, clock) == [[1]]
    with platform.database.reading() as connection:
        own = connection.scalar(sa.select(executions_table.c.id))
    send(platform, "b", 2, emitter=own)
    assert work(platform, clock) == []
    send(platform, "b", 3)
    assert work(platform, clock) == [[3]]


def test_events_before_the_deployment_and_during_a_pause_are_not_made_up_for(platform, project, clock):
    send(platform, "a", 0)
    carry(platform, a_project(project, "{all: [{with: {type: a}}, {with: {type: b}}]}"))
    send(platform, "a", 1)
    gathering.gather_due(platform)
    instances.pause(platform, "acme", "demo", actor="tests")
    send(platform, "b", 2)
    assert work(platform, clock) == []
    instances.resume(platform, "acme", "demo", actor="tests")
    assert work(platform, clock) == []
    send(platform, "b", 3)
    assert work(platform, clock) == [[1, 3]]


def test_a_new_version_goes_on_gathering_unless_its_schedule_is_another(platform, project, clock):
    both = "{all: [{with: {type: a}}, {with: {type: b}}]}"
    carry(platform, a_project(project, both))
    send(platform, "a", 1)
    gathering.gather_due(platform)
    send(platform, "b", 2)  # not yet looked at when the new version comes
    carry(platform, a_project(project, both, "do:\n  - say: {set: {got: '${ [.[].data * 10] }'}}\n"))
    assert work(platform, clock) == [[10, 20]]
    send(platform, "a", 1)
    gathering.gather_due(platform)
    carry(platform, a_project(project, "{all: [{with: {type: a}}, {with: {type: c}}]}"))
    send(platform, "c", 2)
    assert work(platform, clock) == []
    assert rows(platform, starts_table) == 1


def test_an_execution_hears_what_came_after_the_events_that_started_it(platform, project, clock):
    body = (
        "do:\n  - hear: {listen: {to: {one: {with: {type: c}}}}}\n"
        "  - say: {set: {got: '${ . + [$workflow.input[].data] }'}}\n"
    )
    carry(platform, a_project(project, "{all: [{with: {type: a}}, {with: {type: b}}]}", body))
    send(platform, "c", 0)
    send(platform, "a", 1)
    send(platform, "b", 2)
    send(platform, "c", 3)  # before anybody has looked at the events that start it
    clock.time += timedelta(seconds=5)
    assert work(platform, clock) == [[3, 1, 2]]


def test_workers_that_look_at_once_start_it_once(platform, project, clock):
    carry(platform, a_project(project, ORDERS))
    for order in range(20):
        send(platform, "paid", {"order": order})
        send(platform, "packed", {"order": order})
    with ThreadPoolExecutor(4) as pool:
        made = [one for found in pool.map(gathering.gather_due, [platform] * 8) for one in found]
    assert len(made) == len(set(made)) == rows(platform, executions_table) == 20


def test_an_event_that_no_start_has_looked_at_is_not_forgotten(platform, project, clock):
    carry(platform, a_project(project, ORDERS))
    send(platform, "paid", {"order": 1})
    later = clock.now() + timedelta(days=8)
    assert inbox.forget_before(platform, later) == 0
    gathering.gather_due(platform)
    assert inbox.forget_before(platform, later) == 1
    send(platform, "packed", {"order": 1})
    assert work(platform, clock) == [[{"order": 1}, {"order": 1}]]


def test_no_two_events_ever_have_one_number(platform, project, clock):
    carry(platform, a_project(project, "{one: {with: {type: a}}}"))
    later = clock.now() + timedelta(days=8)
    for number in range(3):  # a second event of the same number would count as started
        send(platform, "a", number)
        assert work(platform, clock) == [[number]]
        assert inbox.forget_before(platform, later) == 1


def test_a_start_whose_next_event_does_not_come_is_let_go(platform, project, clock):
    carry(platform, a_project(project, ORDERS))
    send(platform, "paid", {"order": 1})
    gathering.gather_due(platform)
    clock.time += event_starts.KEPT - timedelta(seconds=1)
    assert sweep(platform)["gatherings"] == 0
    clock.time += timedelta(seconds=1)
    assert sweep(platform)["gatherings"] == 1
    assert rows(platform, gathered_events) == 0


def test_more_than_a_workflow_may_be_given_starts_nothing_and_is_on_record(
    platform, project, clock, monkeypatch
):
    monkeypatch.setattr(gathering_step, "MOST_EVENTS", 3)
    carry(platform, a_project(project, "{any: [{with: {type: a}}], until: {one: {with: {type: close}}}}"))
    for number in range(3):
        send(platform, "a", number)
    send(platform, "close")
    assert work(platform, clock) == []
    [told] = [view for view in list_audit(platform, "acme") if view.action == "gathering-dropped"]
    assert (told.name, told.before["events"]) == ("demo", 3)


def test_undeploying_forgets_what_was_gathered(platform, project, clock):
    root = a_project(project, ORDERS)
    carry(platform, root)
    send(platform, "paid", {"order": 1})
    gathering.gather_due(platform)
    instances.undeploy(platform, "acme", "demo", actor="tests")
    assert rows(platform, starts_table) == rows(platform, gatherings) == 0


def test_it_can_still_be_started_by_hand(platform, project, clock):
    carry(platform, a_project(project, ORDERS))
    executions.create(platform, executions.NewExecution("acme", "demo", input=[{"data": 5}]))
    assert work(platform, clock) == [[5]]


STRATEGIES = [
    read_yaml(ORDERS),
    {"all": [{"with": {"type": "paid"}}, {"with": {"type": "packed"}}, {"with": {"type": "sent"}}]},
    {"any": [{"with": {"type": "paid"}}], "until": "length >= 3"},
    {
        "any": [{"with": {"type": "paid"}}, {"with": {"type": "sent"}}],
        "until": {"one": {"with": {"type": "packed"}}},
    },
]
COMING = st.lists(st.tuples(st.sampled_from(["paid", "packed", "sent"]), st.integers(1, 2)), max_size=12)


def started(on: Any, coming: list[tuple[str, int]], cuts: set[int]) -> list[list[JsonObject]]:
    """The inputs of all executions when what was gathered is put away and read again at each cut."""
    start = compile_start(on)
    stored: dict[int, list[JsonObject]] = {}
    opened: list[Opened] = []
    made = []
    page: list[Incoming] = []
    for number, (kind, order) in enumerate(coming, 1):
        page.append(Incoming(number, {"type": kind, "data": {"order": order}, "id": str(number)}, 0.0))
        if number not in cuts and number != len(coming):
            continue
        look(start, opened, page, lambda first: stored[first])
        for one in opened:
            stored.setdefault(one.first, []).extend(each.event for each in one.added)
        made += [(one.last, one.first, stored[one.first]) for one in opened if one.fate == "met"]
        opened = [Opened(one.first, one.gathered, one.count, one.size) for one in opened if not one.fate]
        page = []
    return [events for _, _, events in sorted(made, key=lambda each: each[:2])]


@given(st.sampled_from(STRATEGIES), COMING, st.sets(st.integers(1, 12)))
def test_where_the_looking_is_cut_changes_nothing(
    on: Any, coming: list[tuple[str, int]], cuts: set[int]
) -> None:
    assert started(on, coming, cuts) == started(on, coming, set())
