"""The `schedule` of a workflow document starts it, where its use case lists no triggers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from worker_world import carry

from caseway.platform import executions, inbox, schedules
from caseway.platform.compose import Platform, open_platform
from caseway.platform.journal import JournalWriter
from caseway.platform.tables import executions as table
from caseway.repo.document_schedule import left_out, triggers_of
from caseway.repo.read import read
from caseway.targets.registry import TARGETS
from caseway.worker.fire import drain, fire_due
from caseway.worker.run import Worker
from caseway_runner.yaml_text import read_yaml

EXAMPLES = Path(__file__).parents[3] / "shared" / "reference" / "spec" / "examples"
SAY = "do:\n  - say: {set: {got: '${ . }'}}\n"


class Clock:
    """A clock that is set by hand, for platform and runner alike."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def advance(self, **length: float) -> None:
        self.time += timedelta(**length)

    async def sleep(self, _seconds: float) -> None:
        await asyncio.get_running_loop().create_future()  # time stands still while something runs


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def platform(tmp_path: Path, clock: Clock) -> Iterator[Platform]:
    with open_platform(f"sqlite:///{tmp_path / 'state.db'}", targets=TARGETS, clock=clock.now) as opened:
        yield opened


def a_project(project: Any, schedule: str, body: str = SAY, *, listed: bool = False) -> Path:
    """A project whose workflow has this schedule, and triggers in its use case when they are `listed`."""
    root: Path = project({"main": f"schedule: {schedule}\n{body}"})
    use_case = root / "use-cases" / "demo" / "usecase.yaml"
    if not listed:
        head, _, _ = use_case.read_text().partition(", triggers")
        use_case.write_text(head + "}\n")
    return root


def work(platform: Platform, clock: Clock) -> list[Any]:
    """What one worker process does: look what is due, run it, end; the outputs."""

    async def once() -> list[Any]:
        with JournalWriter(platform.database) as writer:
            worker = Worker(platform, writer, clock=clock)
            await fire_due(worker)
            return [outcome.output for outcome in await drain(worker)]

    return asyncio.run(once())


def begun(platform: Platform) -> list[tuple[str, str]]:
    """What has started executions: triggers and their ids."""
    with platform.database.reading() as connection:
        rows = connection.execute(sa.select(table.c.trigger, table.c.trigger_id).order_by(table.c.created_at))
        return [(row.trigger, row.trigger_id) for row in rows]


def test_a_cron_expression_of_the_document_fires_in_utc(platform, project, clock):
    carry(platform, a_project(project, "{cron: '0 2 * * *'}"))
    [view] = schedules.list_schedules(platform, "acme")
    assert (view.cron, view.timezone, view.next_at) == ("0 2 * * *", "UTC", "2026-01-01T02:00:00.000000Z")
    clock.advance(hours=2)
    assert len(work(platform, clock)) == 1
    assert begun(platform) == [("schedule", "cron")]


def test_every_fires_whether_or_not_the_execution_before_has_ended(platform, project, clock):
    carry(platform, a_project(project, "{every: {minutes: 15}}"))
    for _ in range(2):
        clock.advance(minutes=15)
        assert len(schedules.due(platform)) == 1


def test_after_counts_from_the_end_of_the_execution_before(platform, project, clock):
    carry(platform, a_project(project, "{after: PT10M}", "do:\n  - nap: {wait: {minutes: 30}}\n"))
    clock.advance(minutes=9)
    assert schedules.due(platform) == []
    clock.advance(minutes=1)
    work(platform, clock)  # the first begins at 10, and naps until 40
    for _ in range(2):
        clock.advance(minutes=10)
        assert schedules.due(platform) == []
    clock.advance(minutes=12)  # it ends at 42, when somebody looks
    work(platform, clock)
    clock.advance(minutes=9)
    assert schedules.due(platform) == []
    clock.advance(minutes=1)
    assert len(schedules.due(platform)) == 1
    [view] = schedules.list_schedules(platform, "acme")
    assert (view.after, len(view.upcoming)) == ("600s", 1)
    assert begun(platform) == [("schedule", "after")] * 2


def test_after_is_known_to_use_cases_too(platform, project, clock):
    triggers = "[{id: again, type: schedule, after: 5m, input: {n: 1}}]"
    carry(platform, project({"main": SAY}, triggers=triggers))
    clock.advance(minutes=5)
    assert work(platform, clock) == [{"got": {"n": 1}}]


def paid(number: int, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "source": "http://shop", "type": "com.acme.paid", **more}


def test_an_event_starts_one_execution_though_it_fits_two_filters(platform, project, clock):
    filters = (
        "[{with: {type: com.acme.paid}}, {with: {source: 'http://shop'}}, {with: {type: com.acme.sent}}]"
    )
    carry(platform, a_project(project, f"{{on: {{any: {filters}}}}}"))
    inbox.deliver(platform, "acme", paid(1, data={"n": 1}), actor="tests")
    inbox.deliver(
        platform, "acme", {"id": "2", "source": "http://x", "type": "com.acme.other"}, actor="tests"
    )
    [output] = work(platform, clock)
    assert [event["data"] for event in output["got"]] == [{"n": 1}]
    assert begun(platform) == [("event", "on")]


def test_it_can_still_be_started_by_hand(platform, project, clock):
    carry(platform, a_project(project, "{on: {one: {with: {type: com.acme.paid}}}}"))
    executions.create(platform, executions.NewExecution("acme", "demo", input=5, trigger="manual"))
    assert work(platform, clock) == [{"got": 5}]


def findings(root: Path) -> list[tuple[str, int]]:
    return [(item.code, item.line) for item in read(root).diagnostics if item.code == "CW611"]


def test_triggers_that_the_use_case_lists_hold_alone_and_validation_says_so(platform, project, clock):
    root = a_project(project, "{cron: '0 2 * * *'}", listed=True)
    carry(platform, root)
    assert schedules.list_schedules(platform, "acme") == []
    assert findings(root) == [("CW611", 2)]


def test_a_schedule_that_holds_is_no_finding(project):
    assert findings(a_project(project, "{cron: '0 2 * * *', after: PT1H}")) == []


def test_an_interval_of_no_time_is_left_out_with_its_reason() -> None:
    document = {"document": {}, "schedule": {"every": "PT0S"}}
    assert triggers_of(document) == []
    [part] = left_out(document)
    assert part.pointer == "/schedule/every" and part.reason


@pytest.mark.parametrize(
    "on",
    [
        {"all": [{"with": {"type": "a"}}]},
        {"any": [{"with": {"type": "a"}}], "until": "length > 2"},
        {"any": []},
        {"one": {"with": {"data": "${ .n > 1 }"}}},
        {"one": {"with": {"type": "com[.]acme[.].*"}}},
        {"one": {"with": {"type": "a"}, "correlate": {"k": {"from": ".n"}}}},
    ],
)
def test_what_asks_for_more_than_plain_attributes_is_gathered(on: Any) -> None:
    document = {"document": {}, "schedule": {"on": on}}
    assert triggers_of(document) == [{"id": "on", "type": "event", "on": on, "mode": "strict"}]
    assert left_out(document) == []


@pytest.mark.parametrize("on", [{"some": []}, {"all": [{}]}, {"one": {"with": {"type": "${ . [ }"}}}, 5, "x"])
def test_what_is_no_strategy_starts_nothing_and_is_said_where_documents_are_checked(on: Any) -> None:
    document = {"document": {}, "schedule": {"on": on}}
    assert triggers_of(document) == left_out(document) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["schedule", "document", "on", "one", "any", "with", "every", "after", "cron", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_document_gives_triggers_or_reasons(value: Any) -> None:
    for trigger in triggers_of({"document": {}, "schedule": value}):
        assert trigger["id"] and trigger["type"] in ("schedule", "event")
    assert isinstance(left_out(value), list)


@pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="needs the specification's examples in ../shared/reference/spec"
)
@pytest.mark.parametrize(
    ("stem", "kind"), [("schedule-cron", "schedule"), ("schedule-event-driven", "event")]
)
def test_the_specification_s_examples_have_a_trigger_of_their_own(stem: str, kind: str) -> None:
    document = read_yaml((EXAMPLES / f"{stem}.yaml").read_text())
    [trigger] = triggers_of(document)
    assert trigger["type"] == kind and left_out(document) == []
