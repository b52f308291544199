"""What a platform promises holds wherever an execution runs: in the worker's process, or in a container."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from worker_world import CountingServer, carry

import caseway_runner as runner
from caseway.containers.engine import Engine
from caseway.platform import approvals, credentials, executions, inbox
from caseway.platform.compose import Platform, open_platform
from caseway.platform.journal import JournalWriter
from caseway.platform.tables import artifacts, metadata
from caseway.platform.telemetry import look
from caseway.platform.telemetry.fold import fold
from caseway.targets.registry import TARGETS
from caseway.worker.contained import contained
from caseway.worker.fire import drain, fire_due
from caseway.worker.places import place_from
from caseway.worker.run import Worker, claim, run_claimed
from docker_daemon import docker_daemon, engine, own_containers, runtime_image  # noqa: F401 - fixtures

SECRET = "planted-secret-4711"
RESOURCES = {"cpu": 1, "memory": "256MB", "disk": "32MB"}


# The clock is the real one, for a container has its own. Longer waits than this are slept in the store.
LIMITS = runner.Limits(awake_seconds=0.1)


@dataclass
class World:
    """A platform, and where its executions run: `engine` None is the worker's own process."""

    platform: Platform
    project: Callable[..., Path]
    engine: Engine | None
    image: str

    def carry(self, workflow: str, spec: str = "") -> None:
        carry(self.platform, self.project({"main": workflow}, spec))

    def start(self, given: Any = None) -> str:
        new = executions.NewExecution(organization="acme", instance="demo", input=given or {})
        return executions.create(self.platform, new)

    def status(self, execution_id: str) -> str:
        return executions.get_execution(self.platform, execution_id).status

    def tasks(self, execution_id: str) -> Any:
        return executions.tasks(self.platform, execution_id)

    def slept_through(self, execution_id: str) -> runner.Outcome:
        """How it ends after it was seen to wait, as workers come and go."""
        self.work()
        assert self.status(execution_id) == "waiting"
        while True:
            for outcome in self.work():
                if outcome.status in {"completed", "faulted", "cancelled"}:
                    return outcome

    def working(self, work: Callable[[Worker], Any]) -> Any:
        """What `work` does with a worker that ends afterwards."""

        async def go() -> Any:
            async with AsyncExitStack() as stack:
                writer = stack.enter_context(JournalWriter(self.platform.database))
                worker = Worker(self.platform, writer, runner.Policy(processes=True, limits=LIMITS))
                found = self.engine
                if found is not None:
                    await stack.enter_async_context(contained(worker, lambda: Engine(found.address)))
                    said = {"image": self.image, "network": "hosts", **RESOURCES}
                    worker.place = lambda held: place_from("contract", "acme", said)
                return await asyncio.wait_for(work(worker), 120)

        return asyncio.run(go())

    def work(self) -> list[runner.Outcome]:
        """What one worker does that looks what is due, runs it, and ends."""

        async def once(worker: Worker) -> list[runner.Outcome]:
            await fire_due(worker)
            return await drain(worker)

        return self.working(once)


@pytest.fixture(params=["local", "docker"])
def world(request: pytest.FixtureRequest, project: Callable[..., Path], tmp_path: Path) -> Iterator[World]:
    there = request.param == "docker"
    found: Engine | None = request.getfixturevalue("engine") if there else None
    image = request.getfixturevalue("runtime_image") if there else ""
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with open_platform(url, targets=TARGETS, secret_key="of the tests", artifact_bytes=200) as opened:
        yield World(opened, project, found, image)
    if found is not None:
        assert own_containers(found) == []


def test_a_wait_is_slept_in_the_store_and_what_was_done_is_not_done_again(world: World) -> None:
    world.carry(
        "do:\n  - a: {run: {shell: {command: 'echo $$; date +%N'}}}\n  - w: {wait: {seconds: 2}}\n"
        "  - b: {set: {first: '${ . }'}}\n"
    )
    execution_id = world.start()
    outcome = world.slept_through(execution_id)
    first, wait, last = world.tasks(execution_id)
    assert outcome.output == {"first": first.output}
    assert [first.attempts, wait.name, last.status] == [1, "w", "completed"]


def test_an_event_wakes_the_execution_that_listens_for_it(world: World) -> None:
    world.carry(
        "do:\n  - l:\n      listen: {to: {one: {with: {type: paid, data: '${ .n > 1 }'}}}}\n"
        "  - s: {set: {got: '${ . }'}}\n"
    )
    execution_id = world.start()
    world.work()
    assert world.status(execution_id) == "waiting"
    for number in (1, 2):
        event = {"id": f"e-{number}", "source": "http://s", "type": "paid", "data": {"n": number}}
        inbox.deliver(world.platform, "acme", event, actor="me")
        world.work()
    assert world.status(execution_id) == "completed"
    assert world.tasks(execution_id)[-1].output == {"got": [{"n": 2}]}


def test_an_approval_is_waited_for_asleep_and_its_decision_arrives(world: World) -> None:
    world.carry(
        "do:\n  - ask: {call: approval, with: {title: Pay?, timeout: PT2H, data: {sum: 5}}}\n"
        "  - s: {set: {got: '${ .decision }', by: '${ .by }'}}\n"
    )
    execution_id = world.start()
    world.work()
    (asked,) = approvals.list_approvals(world.platform, "acme")
    assert (asked.execution, asked.title, asked.data) == (execution_id, "Pay?", {"sum": 5})
    approvals.decide(world.platform, "acme", execution_id, approvals.Verdict(True), actor="ann")
    (outcome,) = world.work()
    assert outcome.output == {"got": "approved", "by": "ann"}


def test_an_approval_that_nobody_decides_expires(world: World) -> None:
    world.carry("do:\n  - ask: {call: approval, with: {title: Pay?, timeout: PT1S}}\n")
    execution_id = world.start()
    outcome = world.slept_through(execution_id)
    (asked,) = approvals.list_approvals(world.platform, "acme", status="expired")
    assert (asked.execution, outcome.status) == (execution_id, "faulted")


def test_a_retry_is_counted_and_the_last_attempt_counts(world: World, server: CountingServer) -> None:
    ask = f"{{method: post, endpoint: '{server.url}/busy', output: content}}"
    world.carry(
        "do:\n  - t:\n      try:\n"
        f"        - ask: {{call: http, with: {ask}}}\n"
        "        - check:\n            if: '${ .n < 3 }'\n"
        "            raise: {error: {type: 'https://x.test/busy', status: 503, title: Busy}}\n"
        "      catch:\n        errors: {with: {status: 503}}\n"
        "        retry: {delay: {milliseconds: 10}, limit: {attempt: {count: 5}}}\n"
    )
    execution_id = world.start()
    (outcome,) = world.work()
    assert (outcome.status, outcome.output["n"]) == ("completed", 3)
    assert server.calls == {"/busy": 3}
    retried = next(task for task in world.tasks(execution_id) if task.name == "t")
    assert retried.attempts == 3


def test_a_retry_some_time_away_is_slept_in_the_store(world: World) -> None:
    world.carry(
        "do:\n  - t:\n      try:\n"
        "        - a: {raise: {error: {type: 'https://x.test/busy', status: 503, title: Busy}}}\n"
        "      catch:\n        retry: {delay: {seconds: 1}, limit: {attempt: {count: 1}}}\n"
        "        do: [{given: {set: {up: true}}}]\n"
    )
    outcome = world.slept_through(world.start())
    assert (outcome.status, outcome.output) == ("completed", {"up": True})


def test_large_values_are_artifacts_and_nobody_notices(world: World) -> None:
    world.carry(
        "do:\n  - a: {set: {big: '${ .big }'}}\n  - b: {set: {n: '${ .big | length }', big: '${ .big }'}}\n"
    )
    execution_id = world.start({"big": "x" * 500})
    (outcome,) = world.work()
    assert outcome.output == {"n": 500, "big": "x" * 500}
    assert world.tasks(execution_id)[0].output["$artifact"].startswith("sha256:")
    with world.platform.database.reading() as connection:
        kept = connection.scalar(sa.select(sa.func.count()).select_from(artifacts))
    assert kept == 2


def stored(platform: Platform) -> str:
    """Everything that the database holds, but for the vault."""
    with platform.database.reading() as connection:
        return str(
            [
                tuple(row)
                for table in metadata.sorted_tables
                if not table.name.startswith("credential")
                for row in connection.execute(sa.select(table))
            ]
        )


def test_a_secret_is_used_and_nowhere_to_be_found(world: World, server: CountingServer) -> None:
    credentials.set_credential(world.platform, "acme", "erp", {"token": SECRET}, type="bearer", actor="ann")
    world.carry(
        "use: {secrets: [erp]}\ndo:\n"
        '  - say: {run: {shell: {command: \'echo "$IT"; echo "$IT" >&2\', '
        "environment: {IT: '${ $secrets.erp.token }'}}}}\n"
        f"  - use: {{call: http, with: {{method: post, endpoint: '{server.url}/used', "
        "headers: {idempotency-key: '${ $secrets.erp.token }'}}}\n"
        "  - fail: {raise: {error: {type: 'https://x.test/no', status: 500, "
        "title: '${ \"no \" + $secrets.erp.token }'}}}\n",
        "credentials:\n  erp: {type: bearer}",
    )
    world.start()
    (outcome,) = world.work()
    assert server.keys == {"/used": [SECRET]}
    assert outcome.status == "faulted"
    assert SECRET not in str(outcome)
    fold(world.platform)
    assert SECRET not in stored(world.platform)


def test_spans_and_the_log_of_a_process_are_kept(world: World) -> None:
    world.carry("do:\n  - a: {run: {shell: {command: 'echo one; echo two >&2'}}}\n  - b: {set: {n: 1}}\n")
    execution_id = world.start()
    world.work()
    lines = look.log_of(world.platform, execution_id)
    assert sorted((line.stream, line.text) for line in lines) == [("stderr", "two"), ("stdout", "one")]
    fold(world.platform)
    names = [span.name for span in look.spans_of(world.platform, "acme", execution_id)]
    assert [name.rpartition(" ")[2].rpartition("/")[2] for name in names][-2:] == ["a", "b"]


def test_cancelling_stops_what_runs(world: World) -> None:
    world.carry("do:\n  - a: {set: {n: 1}}\n  - long: {run: {shell: {command: 'sleep 3600'}}}\n")
    execution_id = world.start()

    async def scene(worker: Worker) -> runner.Outcome:
        running = asyncio.create_task(run_claimed(worker, claim(worker, execution_id)))
        while not any(task.name == "long" for task in world.tasks(execution_id)):
            await asyncio.sleep(0.05)
        assert executions.cancel(world.platform, execution_id, actor="me") == "running"
        return await running

    assert world.working(scene).status == "cancelled"
    assert world.status(execution_id) == "cancelled"


def test_the_time_limit_of_a_use_case_ends_an_execution(world: World) -> None:
    world.carry("do:\n  - long: {run: {shell: {command: 'sleep 3600'}}}\n", "limits: {timeout: 1s}")
    execution_id = world.start()
    (outcome,) = world.work()
    assert (outcome.status, outcome.reason) == ("faulted", "limit")
    assert world.status(execution_id) == "faulted"


def test_the_output_of_a_sub_workflow_comes_back(world: World) -> None:
    root = world.project(
        {
            "main": "do:\n  - sub: {run: {workflow: {namespace: demo, name: child, version: 1.0.0}}}\n",
            "child": "do:\n  - a: {set: {twice: '${ 2 * 21 }'}}\n",
        }
    )
    carry(world.platform, root)
    execution_id = executions.create(
        world.platform,
        executions.NewExecution(organization="acme", instance="demo", workflow="main", input={}),
    )
    world.work()
    assert world.tasks(execution_id)[-1].output == {"twice": 42}


def steps(url: str) -> str:
    lines = "do:\n"
    for name in ("first", "second", "third"):
        lines += f"  - {name}:\n      call: http\n      with: {{method: post, endpoint: '{url}/{name}'}}\n"
    return lines


@pytest.mark.parametrize("where", ["local", "docker"])
def test_a_killed_process_is_gone_on_from_its_journal_and_leaves_no_container(
    where: str, project: Callable[..., Path], server: CountingServer, request: pytest.FixtureRequest
) -> None:
    environment, spec = dict(os.environ), ""
    if where == "docker":
        environment["DOCKER_HOST"] = request.getfixturevalue("engine").address.url
        spec = "runtime: tools\nresources: {cpu: 1, memory: 256MB, disk: 32MB}\ncontainer: {network: hosts}"
    root = project({"main": steps(server.url)}, spec)
    if where == "docker":
        (root / "runtimes").mkdir()
        image = request.getfixturevalue("runtime_image")
        head = "apiVersion: caseway/v1\nkind: Runtime\nmetadata: {name: tools}\n"
        (root / "runtimes" / "tools.yaml").write_text(f"{head}spec: {{image: '{image}'}}\n")

    def caseway(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "caseway", *words]
        return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)

    applied = caseway("apply", "--yes")
    assert applied.returncode == 0, applied.stderr
    server.held = {"/second"}
    with subprocess.Popen(
        [sys.executable, "-m", "caseway", "trigger", "demo"],
        cwd=root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr is not None
        execution_id = running.stderr.readline().split()[-1]
        assert server.arrived.wait(120)
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    server.release.set()
    resumed = caseway("executions", "resume", execution_id, "--format", "json")
    assert resumed.returncode == 0, resumed.stderr + resumed.stdout
    assert [task["name"] for task in json.loads(resumed.stdout)["tasks"]] == ["first", "second", "third"]
    assert server.calls == {"/first": 1, "/second": 2, "/third": 1}
    first_try, second_try = server.keys["/second"]
    assert first_try == second_try != ""
    if where == "docker":  # the next worker reaps what the killed one has left
        assert request.getfixturevalue("engine").ours({"dev.caseway.execution": execution_id}) == []
