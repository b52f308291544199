"""The doctor's answers: why it does not deploy, is not called, fails at once, is slow; and the checklist."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from caseway.platform import executions, instances, keys
from caseway.platform.compose import Platform
from caseway.platform.doctor.calling import calling
from caseway.platform.doctor.checklist import checklist
from caseway.platform.doctor.deploying import deploying
from caseway.platform.doctor.failing import failing
from caseway.platform.doctor.finding import Finding
from caseway.platform.doctor.slow import slow
from caseway.platform.executions import NewExecution
from caseway.platform.instance_views import get_instance, list_instances
from caseway.platform.telemetry.fold import fold
from caseway_runner import Outcome, Status, TaskRecord, WorkflowError
from chaos.store_builders import (
    ORGANIZATION,
    StandingClock,
    a_repo,
    a_use_case,
    a_workflow,
    an_instance,
    applied,
    deployed,
)

NAME = "invoice-dev"
START = "2026-01-01T12:00:00Z"


@pytest.fixture
def ready(platform: Platform) -> Platform:
    deployed(platform, a_repo(a_use_case(), an_instance()))
    return platform


def ended(platform: Platform, clock: StandingClock, seconds: float, **outcome: Any) -> str:
    """An execution that took so long."""
    execution_id = executions.create(platform, NewExecution(ORGANIZATION, NAME))
    held = executions.claim(platform, execution_id, worker="w1")
    assert held is not None
    clock.advance(seconds=seconds)
    executions.finish(platform, held, Outcome(execution_id, **{"status": Status.COMPLETED, **outcome}))
    fold(platform)
    return execution_id


def called(platform: Platform) -> None:
    """Somebody has the key and the address, and called."""
    keys.create(platform, ORGANIZATION, NAME, actor="ann")
    made = executions.create(platform, NewExecution(ORGANIZATION, NAME, trigger="http"))
    held = executions.claim(platform, made, worker="w1")
    assert held is not None
    executions.finish(platform, held, Outcome(made, Status.COMPLETED))


def a_call(name: str, start: int, end: int) -> TaskRecord:
    stamp = "2026-01-01T12:00:{:02}Z"
    position = f"/{name}"
    return TaskRecord(
        f"/do/0/{name}", name, "call", Status.COMPLETED, stamp.format(start), stamp.format(end), 1, position
    )


def asked(platform: Platform, question: Any) -> list[Finding]:
    return list(question(platform, ORGANIZATION, list_instances(platform, ORGANIZATION)))


def test_when_all_is_well_each_question_says_so(ready: Platform) -> None:
    called(ready)
    found = [*asked(ready, deploying), *asked(ready, calling), *failing(ready, ORGANIZATION)]
    found += slow(ready, ORGANIZATION)
    assert [item.state for item in found] == ["ok"] * 4


def test_a_missing_credential_is_why_it_does_not_deploy(platform: Platform) -> None:
    applied(platform, a_repo(a_use_case(credentials={"erp": {"type": "bearer"}}), an_instance()))
    [finding] = asked(platform, deploying)
    assert (finding.state, "caseway credential set" in finding.hint) == ("error", True)


def test_a_failed_update_is_a_warning_for_the_version_before_serves(ready: Platform) -> None:
    unwell = {"health": {"workflow": "main"}}
    applied(ready, a_repo(a_use_case(deployment=unwell), an_instance()))
    [finding] = asked(ready, deploying)
    assert (finding.state, "(1.0.0 serves on)" in finding.message) == ("warning", True)


def test_a_trigger_without_a_key_is_why_nothing_arrives(ready: Platform) -> None:
    [finding] = asked(ready, calling)
    assert finding.hint == f"caseway key create {NAME}"


def test_a_paused_instance_is_why_nothing_arrives(ready: Platform) -> None:
    instances.pause(ready, ORGANIZATION, NAME, actor="ann")
    [finding] = asked(ready, calling)
    assert finding.hint == f"caseway instance resume {NAME}"


def test_without_a_base_url_nobody_can_be_told_where_to_call(ready: Platform) -> None:
    called(ready)
    [finding] = asked(replace(ready, base_url=""), calling)
    assert "CASEWAY_BASE_URL" in finding.hint


def test_a_schedule_that_nobody_fires_is_found(platform: Platform, clock: StandingClock) -> None:
    triggers = [{"id": "often", "type": "schedule", "every": "1m"}]
    deployed(platform, a_repo(a_use_case(workflows=[a_workflow(triggers=triggers)]), an_instance()))
    clock.advance(minutes=10)
    [finding] = asked(platform, calling)
    assert (finding.state, "often was due at" in finding.message) == ("error", True)


def test_what_fails_at_once_is_grouped_by_its_error(ready: Platform, clock: StandingClock) -> None:
    error = WorkflowError(
        "https://serverlessworkflow.io/spec/1.0.0/errors/authentication", 401, "Refused", "no", "/do/0"
    )
    for _ in range(3):
        ended(ready, clock, 0.1, status=Status.FAULTED, error=error)
    [finding] = failing(ready, ORGANIZATION)
    assert "failed at once 3 times: Refused" in finding.message
    assert "caseway credential test" in finding.hint


def test_what_fails_after_a_while_did_not_fail_at_once(ready: Platform, clock: StandingClock) -> None:
    ended(ready, clock, 5, status=Status.FAULTED, error=WorkflowError("e", 500, "Broken", "", "/do/0"))
    assert [item.state for item in failing(ready, ORGANIZATION)] == ["ok"]


def test_executions_that_nobody_takes_up_are_found(ready: Platform, clock: StandingClock) -> None:
    executions.create(ready, NewExecution(ORGANIZATION, NAME))
    clock.advance(minutes=2)
    [finding] = failing(ready, ORGANIZATION)
    assert "1 executions wait for a worker" in finding.message


def test_the_task_that_took_most_of_the_time_is_named(ready: Platform, clock: StandingClock) -> None:
    ended(ready, clock, 30, tasks=(a_call("quick", 0, 1), a_call("crawl", 1, 29)))
    [finding] = slow(ready, ORGANIZATION)
    assert "28.0 s of it in task crawl" in finding.message


def test_calls_one_after_another_are_named(ready: Platform, clock: StandingClock) -> None:
    tasks = (a_call("first", 0, 10), a_call("second", 10, 20), a_call("third", 20, 30))
    ended(ready, clock, 30, tasks=tasks)
    [finding] = slow(ready, ORGANIZATION)
    assert "calls one after another: first, second, third" in finding.message


def test_waiting_for_a_worker_is_found(ready: Platform, clock: StandingClock) -> None:
    execution_id = executions.create(ready, NewExecution(ORGANIZATION, NAME))
    clock.advance(seconds=9)
    held = executions.claim(ready, execution_id, worker="w1")
    assert held is not None
    executions.finish(ready, held, Outcome(execution_id, Status.COMPLETED))
    fold(ready)
    [finding] = slow(ready, ORGANIZATION)
    assert "the longest 9.0 s" in finding.message


def test_the_checklist_of_what_never_ran_is_not_done(ready: Platform) -> None:
    found = {item.check: item.state for item in _checklist(ready)}
    assert (found["deployed"], found["first execution"]) == ("ok", "error")


def test_the_checklist_ticks_what_ran(ready: Platform, clock: StandingClock) -> None:
    ended(ready, clock, 2)
    found = {item.check: item.state for item in _checklist(ready)}
    assert (found["first execution"], found["trace"], found["execution time"]) == ("ok", "ok", "ok")


def test_what_has_no_schedule_need_not_tick_it(ready: Platform) -> None:
    assert {item.check: item.state for item in _checklist(ready)}["schedule"] == "skipped"


def test_the_checklist_of_what_is_not_deployed_judges_what_was_tried(platform: Platform) -> None:
    applied(platform, a_repo(a_use_case(credentials={"erp": {"type": "bearer"}}), an_instance()))
    found = {item.check: item.state for item in _checklist(platform)}
    assert (found["credentials"], found["deployed"], "first execution" in found) == ("error", "error", False)


def _checklist(platform: Platform) -> list[Finding]:
    return list(checklist(platform, ORGANIZATION, get_instance(platform, ORGANIZATION, NAME)))
