"""Telemetry: folded once from what has ended, kept by its own retention, looked at by window."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from caseway.model.errors import CasewayError
from caseway.platform import executions
from caseway.platform.compose import Platform
from caseway.platform.executions import NewExecution
from caseway.platform.tables import executions as execution_table
from caseway.platform.tables import metric_points, spans, tasks
from caseway.platform.telemetry import look
from caseway.platform.telemetry.fold import fold
from caseway.platform.telemetry.keep import BATCH, Retention, prune, retention
from caseway.platform.telemetry.tree import Ended, EndedTask, span_id, trace_id, tree
from caseway_runner import Outcome, Status, TaskRecord, WorkflowError
from chaos.store_builders import (
    ORGANIZATION,
    StandingClock,
    a_repo,
    a_use_case,
    an_instance,
    deployed,
)

NAME = "invoice-dev"
ERROR = WorkflowError("https://example.org/e", 502, "Broken", "it broke", "/do/1/loop/do/0/call")
TASKS = (
    TaskRecord(
        "/do/0/first",
        "first",
        "set",
        Status.COMPLETED,
        "2026-01-01T12:00:00Z",
        "2026-01-01T12:00:01Z",
        1,
        "/a",
    ),
    TaskRecord(
        "/do/1/loop", "loop", "for", Status.FAULTED, "2026-01-01T12:00:01Z", "2026-01-01T12:00:02Z", 1, "/b"
    ),
    TaskRecord(
        "/do/1/loop/do/0/call",
        "call",
        "call",
        Status.FAULTED,
        "2026-01-01T12:00:01Z",
        "2026-01-01T12:00:02Z",
        3,
        "/b/0",
        "/b",
        error=ERROR,
    ),
)


@pytest.fixture
def ready(platform: Platform) -> Platform:
    """A platform with one instance to run; run data is kept for two days, telemetry for ten."""
    listing = {"retention": {"runs": "2d", "telemetry": "10d"}}
    deployed(platform, a_repo(replace(a_use_case(), listing=listing), an_instance()))
    return platform


def ended(platform: Platform, outcome: Status = Status.COMPLETED, **changes: Any) -> str:
    """An execution that has ended."""
    execution_id = executions.create(platform, NewExecution(ORGANIZATION, NAME, trigger="http", **changes))
    held = executions.claim(platform, execution_id, worker="w1")
    assert held is not None
    error = ERROR if outcome is Status.FAULTED else None
    executions.finish(platform, held, Outcome(execution_id, outcome, {"n": 1}, error, tasks=TASKS))
    return execution_id


def counted(platform: Platform, table: sa.Table) -> int:
    with platform.database.reading() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_an_ended_execution_becomes_a_tree_of_spans(ready: Platform) -> None:
    execution_id = ended(ready, Status.FAULTED)
    fold(ready)
    found = look.spans_of(ready, ORGANIZATION, execution_id)
    assert [(span.name, span.parent_id) for span in found] == [
        ("invoice/main", ""),
        ("first", span_id(execution_id)),
        ("loop", span_id(execution_id)),
        ("call", span_id(execution_id, "/b")),
    ]


def test_the_root_carries_what_the_execution_was(ready: Platform) -> None:
    execution_id = ended(ready)
    fold(ready)
    attributes = look.spans_of(ready, ORGANIZATION, execution_id)[0].attributes
    assert attributes["caseway.instance"] == NAME
    assert attributes["caseway.trigger"] == "http"


def test_a_failed_task_carries_its_error(ready: Platform) -> None:
    execution_id = ended(ready, Status.FAULTED)
    fold(ready)
    call = look.spans_of(ready, ORGANIZATION, execution_id)[3]
    assert (call.status, call.attributes["error.type"], call.attributes["caseway.task.attempts"]) == (
        "error",
        ERROR.type,
        3,
    )


def test_what_still_runs_is_not_folded(ready: Platform) -> None:
    execution_id = executions.create(ready, NewExecution(ORGANIZATION, NAME))
    executions.claim(ready, execution_id, worker="w1")
    assert fold(ready) == 0


def test_folding_again_folds_nothing(ready: Platform) -> None:
    ended(ready)
    fold(ready)
    assert fold(ready) == 0


def test_one_that_was_resumed_and_ended_again_is_folded_anew_under_the_same_ids(ready: Platform) -> None:
    execution_id = ended(ready, Status.FAULTED)
    fold(ready)
    executions.resume(ready, execution_id, actor="ann")
    held = executions.claim(ready, execution_id, worker="w1")
    assert held is not None
    executions.finish(ready, held, Outcome(execution_id, Status.COMPLETED, {}, tasks=TASKS[:1]))
    fold(ready)
    root = look.spans_of(ready, ORGANIZATION, execution_id)[0]
    assert (root.span_id, root.status) == (span_id(execution_id), "ok")


def test_spans_of_another_organization_are_not_shown(ready: Platform) -> None:
    execution_id = ended(ready)
    fold(ready)
    assert look.spans_of(ready, "other", execution_id) == []


@pytest.mark.parametrize("outcome", [Status.COMPLETED, Status.FAULTED, Status.CANCELLED])
def test_run_data_goes_after_its_time_whatever_the_end(
    ready: Platform, clock: StandingClock, outcome: Status
) -> None:
    ended(ready, outcome)
    fold(ready)
    clock.advance(days=2, seconds=1)
    prune(ready)
    assert (counted(ready, execution_table), counted(ready, tasks)) == (0, 0)


def test_telemetry_stays_after_run_data_has_gone(ready: Platform, clock: StandingClock) -> None:
    execution_id = ended(ready)
    fold(ready)
    clock.advance(days=3)
    prune(ready)
    assert len(look.spans_of(ready, ORGANIZATION, execution_id)) == 4


def test_telemetry_goes_after_its_own_time(ready: Platform, clock: StandingClock) -> None:
    ended(ready)
    fold(ready)
    clock.advance(days=10, seconds=1)
    prune(ready)
    assert (counted(ready, spans), counted(ready, metric_points)) == (0, 0)


def test_nothing_goes_before_its_time(ready: Platform, clock: StandingClock) -> None:
    ended(ready)
    fold(ready)
    clock.advance(days=1, hours=23)
    assert sum(prune(ready).values()) == 0


def test_what_was_never_folded_is_never_pruned(ready: Platform, clock: StandingClock) -> None:
    ended(ready)
    clock.advance(days=400)
    assert prune(ready)["executions"] == 0


def test_pruning_takes_small_bites(ready: Platform, clock: StandingClock) -> None:
    for _ in range(3):
        ended(ready)
    fold(ready)
    clock.advance(days=20)
    assert prune(ready, batches=1)["executions"] == min(3, BATCH)


def test_a_process_without_retention_keeps_runs_14_and_telemetry_90_days() -> None:
    assert retention({}) == Retention(timedelta(days=14), timedelta(days=90))


def test_figures_come_by_window(ready: Platform, clock: StandingClock) -> None:
    ended(ready)
    ended(ready, Status.FAULTED)
    clock.advance(hours=1)
    ended(ready)
    fold(ready)
    found = look.windows(ready, ORGANIZATION, since=clock() - timedelta(days=1))
    assert [(window.executions, window.faulted) for window in found] == [(2, 1), (1, 0)]


def test_an_unknown_window_is_an_error(ready: Platform) -> None:
    with pytest.raises(CasewayError, match="no window 'year'"):
        look.windows(ready, ORGANIZATION, window="year")


positions = st.lists(st.integers(0, 5), min_size=1, max_size=4).map(
    lambda path: "/" + "/".join(map(str, path))
)


@given(st.lists(positions, unique=True), st.text(min_size=1))
def test_every_span_hangs_in_the_one_tree(found: list[str], execution_id: str) -> None:
    at = StandingClock()()
    execution = Ended(
        execution_id, "o", "p", "i", "dev", "w", "1.0.0", "completed", "", "manual", "a", "", None, at, at, at
    )
    held = [
        EndedTask(place, place.rpartition("/")[0], place, "n", "set", "completed", "", "t", "t", 1, None)
        for place in found
    ]
    made = list(tree(execution, held))
    ids = {span.span_id for span in made}
    assert all(span.parent_id in ids for span in made[1:])
    assert {span.trace_id for span in made} == {trace_id(execution_id)}
