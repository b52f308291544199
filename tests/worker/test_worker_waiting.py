"""Executions that sleep in the store: woken by time and events, suspended, handed over."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from worker_world import carry

import caseway_runner as runner
from caseway.platform import executions, inbox
from caseway.platform.compose import Platform, open_platform
from caseway.platform.journal import JournalWriter
from caseway.targets.registry import TARGETS
from caseway.worker.fire import drain, fire_due
from caseway.worker.run import Worker, claim, run_claimed
from caseway.worker.serve import serve


class Clock:
    """A clock that is set by hand, for platform and runner alike."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    async def sleep(self, _seconds: float) -> None:
        await asyncio.get_running_loop().create_future()  # time stands still while something runs


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def platform(tmp_path: Path, clock: Clock) -> Iterator[Platform]:
    with open_platform(f"sqlite:///{tmp_path / 'state.db'}", targets=TARGETS, clock=clock.now) as opened:
        yield opened


def start(platform: Platform) -> str:
    return executions.create(
        platform, executions.NewExecution(organization="acme", instance="demo", input={})
    )


def work(platform: Platform, clock: Clock) -> list[runner.Outcome]:
    """What one worker process does: look what is due, run it, end."""

    async def once() -> list[runner.Outcome]:
        with JournalWriter(platform.database) as writer:
            worker = Worker(platform, writer, clock=clock)
            await fire_due(worker)
            return await drain(worker)

    return asyncio.run(once())


def send(platform: Platform, kind: str, data: object = None, **more: str) -> inbox.Delivery:
    event = {"id": f"{kind}-{data}", "source": "http://s", "type": kind, "data": data, **more}
    return inbox.deliver(platform, "acme", event, actor="me")


def status(platform: Platform, execution_id: str) -> str:
    return executions.get_execution(platform, execution_id).status


WAIT = "do:\n  - a: {set: {n: 1}}\n  - w: {wait: {hours: 5}}\n  - b: {set: {n: '${ .n + 1 }'}}\n"
LISTEN = (
    "do:\n  - l:\n      listen: {to: {one: {with: {type: paid, data: '${ .n > 1 }'}}}}\n"
    "  - s: {set: {got: '${ . }'}}\n"
)


def test_a_wait_of_hours_outlives_the_process(platform, project, clock):
    carry(platform, project({"main": WAIT}))
    execution_id = start(platform)
    work(platform, clock)
    assert status(platform, execution_id) == "waiting"
    waiting = executions.waiting_of(platform, execution_id)
    assert waiting is not None
    assert waiting.until == "2026-01-01T05:00:00.000000Z"
    clock.time += timedelta(hours=4)
    assert work(platform, clock) == []
    clock.time += timedelta(hours=1)
    assert [outcome.output for outcome in work(platform, clock)] == [{"n": 2}]
    assert executions.waiting_of(platform, execution_id) is None


def test_an_event_wakes_the_execution_that_listens_for_it(platform, project, clock):
    carry(platform, project({"main": LISTEN}))
    execution_id = start(platform)
    work(platform, clock)
    assert executions.waiting_of(platform, execution_id).events == ({"type": "paid"},)
    assert send(platform, "other").woken == ()
    assert send(platform, "paid", {"n": 1}).woken == (execution_id,)
    work(platform, clock)
    assert status(platform, execution_id) == "waiting"
    send(platform, "paid", {"n": 2})
    assert [outcome.output for outcome in work(platform, clock)] == [{"got": [{"n": 2}]}]


def test_the_same_event_again_changes_nothing(platform, project, clock):
    carry(platform, project({"main": LISTEN}))
    start(platform)
    work(platform, clock)
    first, again = send(platform, "paid", {"n": 2}), send(platform, "paid", {"n": 2})
    assert (first.is_new, again.is_new, again.number, again.woken) == (True, False, first.number, ())


def test_an_event_that_came_while_the_execution_ran_is_not_lost(platform, project, clock):
    carry(platform, project({"main": LISTEN}))
    execution_id = start(platform)
    send(platform, "paid", {"n": 3})
    work(platform, clock)
    assert status(platform, execution_id) == "completed"


def test_an_event_trigger_starts_an_execution_with_the_event(platform, project, clock):
    triggers = "[{id: paid, type: event, filter: {type: paid, data: {vip: true}}}]"
    carry(platform, project({"main": "do:\n  - s: {set: {n: '${ .[0].data.n }'}}\n"}, triggers=triggers))
    assert send(platform, "paid", {"n": 1}).started == ()
    started = send(platform, "paid", {"n": 2, "vip": True}).started
    assert [outcome.id for outcome in work(platform, clock)] == list(started)
    assert executions.get_execution(platform, started[0]).result == {"n": 2}


def test_what_an_execution_emits_wakes_another(platform, project, clock):
    emit = "do:\n  - e: {emit: {event: {with: {source: 'http://x', type: paid, data: {n: 9}}}}}\n"
    root = project({"main": LISTEN, "tell": emit})
    carry(platform, root)
    new = executions.NewExecution(organization="acme", instance="demo", input={}, workflow="main")
    listening = executions.create(platform, new)
    work(platform, clock)
    executions.create(platform, executions.NewExecution("acme", "demo", "tell", {}))
    work(platform, clock)
    work(platform, clock)
    assert executions.get_execution(platform, listening).result == {"got": [{"n": 9}]}


def test_a_sleeping_execution_is_cancelled_and_suspended_at_once(platform, project, clock):
    carry(platform, project({"main": WAIT}))
    one, other = start(platform), start(platform)
    work(platform, clock)
    assert executions.cancel(platform, one, actor="me") == "cancelled"
    assert executions.suspend(platform, other, actor="me") == "suspended"
    clock.time += timedelta(hours=9)
    assert work(platform, clock) == []
    executions.resume(platform, other, actor="me")
    assert [outcome.output for outcome in work(platform, clock)] == [{"n": 2}]


def test_a_running_execution_is_suspended_and_goes_on_later(platform, project, server, clock):
    server.held = {"/slow"}
    call = f"do:\n  - slow:\n      call: http\n      with: {{method: post, endpoint: '{server.url}/slow'}}\n"
    carry(platform, project({"main": call}))
    execution_id = start(platform)

    async def scene() -> runner.Outcome:
        with JournalWriter(platform.database) as writer:
            worker = Worker(platform, writer, claim_seconds=0.6)
            running = asyncio.create_task(run_claimed(worker, claim(worker, execution_id)))
            await asyncio.to_thread(server.arrived.wait, 120)
            await asyncio.to_thread(executions.suspend, platform, execution_id, actor="me")
            return await running

    assert asyncio.run(scene()).status == "suspended"
    assert status(platform, execution_id) == "suspended"
    server.release.set()
    executions.resume(platform, execution_id, actor="me")
    work(platform, clock)
    assert status(platform, execution_id) == "completed"


def test_a_worker_that_is_told_to_stop_hands_over_what_does_not_end(platform, project, server):
    server.held = {"/slow"}
    call = f"do:\n  - slow:\n      call: http\n      with: {{method: post, endpoint: '{server.url}/slow'}}\n"
    carry(platform, project({"main": call}))
    execution_id = start(platform)

    async def scene() -> int:
        stop = asyncio.Event()
        with JournalWriter(platform.database) as writer:
            serving = asyncio.create_task(serve(Worker(platform, writer), grace=0.0, stop=stop))
            await asyncio.to_thread(server.arrived.wait, 120)
            stop.set()
            return await serving

    assert asyncio.run(scene()) == 0
    view = executions.get_execution(platform, execution_id)
    assert (view.status, view.reason) == ("pending", "handed over")


def test_events_are_forgotten_only_when_nobody_could_take_them(platform, project, clock):
    carry(platform, project({"main": LISTEN}))
    send(platform, "old")
    clock.time += timedelta(days=1)
    start(platform)
    send(platform, "kept")
    clock.time += timedelta(days=60)
    assert inbox.forget_before(platform, clock.time) == 1


SERVE = [sys.executable, "-m", "caseway", "serve", "worker", "--grace", "0"]


def test_sigterm_ends_the_worker_command_in_good_order(project, server, tmp_path, monkeypatch):
    server.held = {"/slow"}
    call = f"do:\n  - slow:\n      call: http\n      with: {{method: post, endpoint: '{server.url}/slow'}}\n"
    root = project({"main": call})
    monkeypatch.setenv("CASEWAY_DATABASE_URL", f"sqlite:///{tmp_path / 'state.db'}")
    with open_platform(f"sqlite:///{tmp_path / 'state.db'}", targets=TARGETS) as own:
        carry(own, root)
        execution_id = start(own)
        process = subprocess.Popen(SERVE, cwd=root, stderr=subprocess.PIPE)
        assert server.arrived.wait(120)
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=120)[1] == b"0 executions ran\n"
        assert process.returncode == 0
        assert status(own, execution_id) == "pending"


def test_a_workflow_may_want_its_lifecycle_told(platform, project, clock):
    root = project({"main": "do:\n  - s: {set: {n: 1}}\n"})
    file = root / "use-cases" / "demo" / "workflows" / "main.yaml"
    file.write_text(
        file.read_text().replace(
            "version: 1.0.0}", "version: 1.0.0, metadata: {caseway.dev/lifecycle: true}}"
        )
    )
    carry(platform, root)
    execution_id = start(platform)
    work(platform, clock)
    kinds = [event["type"] for _, event in inbox.events_for(platform, execution_id, 0)]
    assert [kind.removeprefix("io.serverlessworkflow.").removesuffix(".v1") for kind in kinds] == [
        "workflow.started",
        "task.created",
        "task.started",
        "task.completed",
        "workflow.completed",
    ]
