"""Executions run again: from a task on, with another input, with outputs pinned, up to a task."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from worker_world import CountingServer, carry

import caseway_runner as runner
from caseway.model.errors import CasewayError
from caseway.platform import executions
from caseway.platform.compose import Platform
from caseway.platform.credentials import set_credential
from caseway.platform.journal import JournalWriter, read
from caseway.worker.fire import drain
from caseway.worker.run import Worker


def calling(server: CountingServer, *names: str) -> dict[str, str]:
    lines = [
        f"  - {name}: {{call: http, with: {{method: post, endpoint: {server.url}/{name}, body: '${{ . }}'}}}}"
        for name in names
    ]
    return {"main": "do:\n" + "\n".join(lines) + "\n"}


def start(platform: Platform, value: Any = None) -> str:
    return executions.create(
        platform, executions.NewExecution(organization="acme", instance="demo", input=value or {})
    )


def work(platform: Platform) -> list[runner.Outcome]:
    async def once() -> list[runner.Outcome]:
        with JournalWriter(platform.database) as writer:
            return await drain(Worker(platform, writer))

    return asyncio.run(once())


def ran(platform: Platform, value: Any = None) -> str:
    execution_id = start(platform, value)
    work(platform)
    return execution_id


def rerun(platform: Platform, execution_id: str, **again: Any) -> str:
    return executions.rerun(platform, execution_id, executions.Again(**again), actor="ann")


def test_from_a_task_on_what_was_before_is_taken(platform, project, server):
    carry(platform, project(calling(server, "a", "b", "c")))
    first = ran(platform)
    second = rerun(platform, first, origin="/do/1/b")
    (outcome,) = work(platform)
    assert dict(server.calls) == {"/a": 1, "/b": 2, "/c": 2}
    assert [task.name for task in outcome.tasks] == ["a", "b", "c"]
    view = executions.get_execution(platform, second)
    assert (view.retry_of, view.status) == (first, "completed")
    assert executions.get_execution(platform, first).result == {"path": "/c", "n": 1}


def test_the_calls_done_anew_have_keys_of_their_own(platform, project, server):
    carry(platform, project(calling(server, "a")))
    rerun(platform, ran(platform), origin="/do/0/a")
    work(platform)
    assert len(set(server.keys["/a"])) == 2


def test_with_another_input(platform, project):
    carry(platform, project({"main": "do:\n  - s: {set: {n: '${ .n + 1 }'}}\n"}))
    rerun(platform, ran(platform, {"n": 1}), input={"n": 5}, has_input=True)
    (outcome,) = work(platform)
    assert outcome.output == {"n": 6}


def test_pinned_outputs_stand_for_their_tasks_and_a_partial_run_ends_early(platform, project, server):
    carry(platform, project(calling(server, "a", "b", "c")))
    second = rerun(platform, ran(platform), pins={"/do/0/a": {"x": 1}}, until="/do/1/b")
    (outcome,) = work(platform)
    assert dict(server.calls) == {"/a": 1, "/b": 2, "/c": 1}
    assert (outcome.reason, outcome.output) == ("partial", {"path": "/b", "n": 2})
    assert executions.get_execution(platform, second).reason == "partial"


def test_a_rerun_can_be_run_again_in_turn(platform, project, server):
    carry(platform, project(calling(server, "a", "b")))
    second = rerun(platform, ran(platform), pins={"/do/0/a": {"x": 1}})
    work(platform)
    rerun(platform, second, origin="/do/1/b")
    work(platform)
    assert dict(server.calls) == {"/a": 1, "/b": 3}


SECRET = "credentials: {key: {type: bearer, scope: organization}}"


def test_a_secret_that_is_pinned_is_not_stored(platform, project, server):
    text = calling(server, "a", "b")["main"]
    workflow = {"main": f"use: {{secrets: [key]}}\n{text}"}
    set_credential(platform, "acme", "key", {"token": "very-secret-value"}, type="bearer", actor="ann")
    carry(platform, project(workflow, SECRET))
    first = ran(platform)
    second = rerun(platform, first, pins={"/do/0/a": {"token": "very-secret-value"}})
    assert "very-secret-value" not in str(read(platform.database, second))


def refused(platform: Platform, execution_id: str, **again: Any) -> str:
    with pytest.raises(CasewayError) as error:
        rerun(platform, execution_id, **again)
    return error.value.code


def test_what_cannot_be_is_refused(platform, project, server):
    workflow = {
        "main": "do:\n  - a: {switch: [{x: {when: .go, then: b}}, {d: {then: end}}]}\n  - b: {set: {n: 2}}\n"
    }
    carry(platform, project(workflow))
    first = ran(platform)
    assert refused(platform, first, origin="/do/7/z") == "no-such-task"
    assert refused(platform, first, until="/do/7/z") == "no-such-task"
    assert refused(platform, first, pins={"z": 1}) == "no-such-task"
    assert refused(platform, first, origin="/do/1/b") == "never-started"
    assert refused(platform, start(platform)) == "illegal-transition"
    assert refused(platform, "nothing") == "not-found"
    with pytest.raises(CasewayError):
        executions.rerun(platform, first, executions.Again(), actor="eve", organization="other")
