"""Executions run on the platform: claimed, journalled, bounded, masked."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import suppress

import pytest
from worker_world import carry

import caseway_runner as runner
from caseway.model.errors import CasewayError
from caseway.platform import credentials, executions
from caseway.platform.journal import JournalWriter
from caseway.worker.fire import drain, fire_due
from caseway.worker.run import Worker, claim, run_claimed, run_execution

SET = "do:\n  - one:\n      set: {answer: 42}\n"


def start(platform, workflow="", given=None, **more) -> str:
    new = executions.NewExecution(
        organization="acme", instance="demo", workflow=workflow, input=given or {}, **more
    )
    return executions.create(platform, new)


def set_token(platform) -> list[str]:
    token = {"token": "hunter2-hunter2"}
    return credentials.set_credential(platform, "acme", "erp", token, type="bearer", actor="me")


def run(platform, execution_id) -> runner.Outcome:
    return asyncio.run(run_execution(platform, execution_id))


def test_an_execution_runs_to_its_end_and_is_stored(platform, project):
    carry(platform, project({"main": SET}))
    execution_id = start(platform)
    outcome = run(platform, execution_id)
    view = executions.get_execution(platform, execution_id)
    assert (outcome.status, outcome.output) == ("completed", {"answer": 42})
    assert (view.status, view.result) == ("completed", {"answer": 42})
    assert view.started_at
    assert view.ended_at
    assert [task.name for task in executions.tasks(platform, execution_id)] == ["one"]


def test_what_has_ended_cannot_be_run_again(platform, project):
    carry(platform, project({"main": SET}))
    execution_id = start(platform)
    run(platform, execution_id)
    with pytest.raises(CasewayError) as refused:
        run(platform, execution_id)
    assert refused.value.code == "not-claimable"
    assert "completed" in refused.value.message


def test_what_another_worker_holds_is_left_alone(platform, project):
    carry(platform, project({"main": SET}))
    execution_id = start(platform)
    assert executions.claim(platform, execution_id, worker="else@where:1") is not None
    with pytest.raises(CasewayError) as refused:
        run(platform, execution_id)
    assert refused.value.code == "not-claimable"


def test_a_sub_workflow_of_the_same_use_case_is_found(platform, project):
    child = "{namespace: demo, name: child, version: 1.0.0, input: {n: 2}}"
    call = f"do:\n  - ask:\n      run: {{workflow: {child}}}\n"
    child = "do:\n  - double:\n      set: {twice: '${ .n * 2 }'}\n"
    carry(platform, project({"main": call, "child": child}))
    assert run(platform, start(platform, "main")).output == {"twice": 4}


def test_the_use_case_s_limits_bound_an_execution(platform, project):
    loop = "do:\n  - again:\n      set: {a: 1}\n      then: again\n"
    carry(platform, project({"main": loop}, spec="limits: {activations: 50}"))
    outcome = run(platform, start(platform))
    assert (outcome.status, outcome.reason) == ("faulted", "limit")


def test_processes_are_refused_unless_the_operator_allows_them(platform, project):
    shell = "do:\n  - hi:\n      run: {shell: {command: 'echo hi'}}\n"
    carry(platform, project({"main": shell}))
    assert run(platform, start(platform)).status == "faulted"
    with JournalWriter(platform.database) as writer:
        worker = Worker(platform, writer, runner.Policy(processes=True))
        outcome = asyncio.run(run_claimed(worker, claim(worker, start(platform))))
    assert (outcome.status, outcome.output) == ("completed", "hi\n")


SECRET = "use: {secrets: [erp]}\ndo:\n  - leak:\n      set: {told: '${ \"it is \" + $secrets.erp.token }'}\n"


def test_secrets_reach_the_execution_and_are_masked_in_what_is_stored(platform, project):
    carry(platform, project({"main": SECRET}, spec="credentials: {erp: {type: bearer, required: true}}"))
    healed = credentials.set_credential(
        platform, "acme", "erp", {"token": "hunter2-hunter2"}, type="bearer", actor="me"
    )
    assert healed == ["demo"]
    execution_id = start(platform)
    outcome = run(platform, execution_id)
    assert outcome.status == "completed"
    stored = executions.get_execution(platform, execution_id)
    for shown in (outcome.output, stored.result, executions.tasks(platform, execution_id)[0].output):
        assert "hunter2" not in str(shown)
        assert "it is" in str(shown)


def test_a_secret_is_masked_in_an_error(platform, project):
    body = (
        "use: {secrets: [erp]}\ndo:\n  - fail:\n      raise:\n        error:\n"
        "          type: https://example.com/e\n          status: 500\n"
        "          detail: '${ $secrets.erp.token }'\n"
    )
    carry(platform, project({"main": body}, spec="credentials: {erp: {type: bearer}}"))
    credentials.set_credential(
        platform, "acme", "erp", {"token": "hunter2-hunter2"}, type="bearer", actor="me"
    )
    execution_id = start(platform)
    assert run(platform, execution_id).status == "faulted"
    assert "hunter2" not in str(executions.get_execution(platform, execution_id).error)


def test_cancelling_from_outside_ends_the_execution_as_cancelled(platform, project, server):
    server.held = {"/slow"}
    call = f"do:\n  - slow:\n      call: http\n      with: {{method: post, endpoint: '{server.url}/slow'}}\n"
    carry(platform, project({"main": call}))
    execution_id = start(platform)

    async def scene() -> runner.Outcome:
        with JournalWriter(platform.database) as writer:
            worker = Worker(platform, writer, claim_seconds=0.6)
            running = asyncio.create_task(run_claimed(worker, claim(worker, execution_id)))
            await asyncio.to_thread(server.arrived.wait, 120)
            await asyncio.to_thread(executions.cancel, platform, execution_id, actor="me")
            return await running

    assert asyncio.run(scene()).status == "cancelled"
    assert executions.get_execution(platform, execution_id).status == "cancelled"


def test_a_wish_to_cancel_is_heard_long_before_the_claim_is_renewed(platform, project):
    carry(platform, project({"main": "do:\n  - long:\n      run: {shell: {command: 'sleep 3600'}}\n"}))
    execution_id = start(platform)

    async def scene() -> runner.Outcome:
        with JournalWriter(platform.database) as writer:
            worker = Worker(platform, writer, runner.Policy(processes=True), claim_seconds=3600)
            running = asyncio.create_task(run_claimed(worker, claim(worker, execution_id)))
            await asyncio.sleep(0.1)
            assert executions.cancel(platform, execution_id, actor="me") == "running"
            return await asyncio.wait_for(running, 120)

    assert asyncio.run(scene()).status == "cancelled"
    assert executions.get_execution(platform, execution_id).status == "cancelled"


def test_what_no_worker_holds_is_cancelled_at_once(platform, project):
    carry(platform, project({"main": SET}))
    pending, waiting = start(platform), start(platform)
    held = executions.claim(platform, waiting, worker=platform.holder)
    assert held is not None
    executions.release(platform, held, status="waiting")
    assert executions.cancel(platform, pending, actor="me") == "cancelled"
    assert executions.cancel(platform, waiting, actor="me") == "cancelled"


def test_what_a_dead_process_of_this_machine_holds_is_cancelled_at_once(platform, project):
    carry(platform, project({"main": SET}))
    execution_id = start(platform)
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    host = platform.holder.rpartition(":")[0]
    assert executions.claim(platform, execution_id, worker=f"{host}:{gone.pid}") is not None
    assert executions.cancel(platform, execution_id, actor="me") == "cancelled"


def test_interrupting_the_worker_leaves_the_execution_suspended_and_resumable(platform, project, server):
    server.held = {"/slow"}
    call = "do:\n"
    for name in ("first", "slow"):
        call += (
            f"  - {name}:\n      call: http\n      with: {{method: post, endpoint: '{server.url}/{name}'}}\n"
        )
    carry(platform, project({"main": call}))
    execution_id = start(platform)

    async def scene() -> None:
        with JournalWriter(platform.database) as writer:
            worker = Worker(platform, writer)
            running = asyncio.create_task(run_claimed(worker, claim(worker, execution_id)))
            await asyncio.to_thread(server.arrived.wait, 30)
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    asyncio.run(scene())
    assert executions.get_execution(platform, execution_id).status == "suspended"
    server.release.set()
    executions.resume(platform, execution_id, actor="me")
    assert run(platform, execution_id).status == "completed"
    assert server.calls["/first"] == 1
    assert server.calls["/slow"] == 2


def test_a_worker_whose_claim_was_taken_stores_nothing(platform, project, server):
    server.held = {"/slow"}
    call = f"do:\n  - slow:\n      call: http\n      with: {{method: post, endpoint: '{server.url}/slow'}}\n"
    carry(platform, project({"main": call}))
    execution_id = start(platform)

    async def scene() -> None:
        with JournalWriter(platform.database) as writer:
            worker = Worker(platform, writer, claim_seconds=300)
            held = claim(worker, execution_id)
            running = asyncio.create_task(run_claimed(worker, held))
            await asyncio.to_thread(server.arrived.wait, 30)
            executions.release(platform, held, status="suspended")
            executions.resume(platform, execution_id, actor="me")
            server.release.set()
            with pytest.raises(CasewayError) as lost:
                await running
            assert lost.value.code == "claim-lost"

    asyncio.run(scene())
    assert executions.get_execution(platform, execution_id).status == "pending"


def test_everything_pending_is_drained(platform, project):
    carry(platform, project({"main": SET}))
    ids = {start(platform) for _ in range(5)}

    async def scene() -> list[runner.Outcome]:
        with JournalWriter(platform.database) as writer:
            return await drain(Worker(platform, writer), concurrency=3)

    assert {outcome.id for outcome in asyncio.run(scene())} == ids


def test_nothing_is_due_where_there_is_no_schedule(platform, project):
    carry(platform, project({"main": SET}))

    async def scene() -> list[str]:
        with JournalWriter(platform.database) as writer:
            return await fire_due(Worker(platform, writer))

    assert asyncio.run(scene()) == []
