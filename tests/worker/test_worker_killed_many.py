"""A worker that is killed in the middle of many executions: the next one loses none and repeats no completed
effect; what waits for a person goes on waiting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from worker_world import CountingServer, carry

from caseway.platform import approvals, executions, journal
from caseway.platform.compose import Platform

KEY = "ZmVybmV0LWtleS1vZi0zMi1ieXRlcy1mb3ItdGVzdHM="
MANY = 50
STEPS = ("a", "b", "c", "d")
SECONDS = 120


def posts(url: str, *names: str) -> str:
    return "".join(
        f"  - {name}: {{call: http, with: {{method: post, endpoint: '{url}/{name}'}}}}\n" for name in names
    )


@contextmanager
def a_worker(platform: Platform, root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process on the platform's database."""
    url = platform.database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "caseway", "serve", "worker", "--concurrency", str(MANY), "--grace", "2"]
    environment = {**os.environ, "CASEWAY_DATABASE_URL": url, "CASEWAY_SECRET_KEY": KEY}
    with subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def until(is_so: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.01)


def statuses(platform: Platform, ids: list[str]) -> Counter[str]:
    return Counter(executions.get_execution(platform, one).status for one in ids)


def recorded(platform: Platform, ids: list[str]) -> set[str]:
    """The idempotency keys of the effects that a journal says are completed."""
    return {
        f"{one}:{entry.position}"
        for one in ids
        for entry in journal.read(platform.database, one)
        if entry.kind == "completed"
    }


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASEWAY_SECRET_KEY", KEY)


def test_a_worker_killed_in_the_middle_of_fifty_executions_loses_none_and_repeats_nothing_completed(
    platform: Platform, project: Callable[..., Path], server: CountingServer
) -> None:
    root = project({"main": "do:\n" + posts(server.url, *STEPS)})
    carry(platform, root)
    ids = [executions.create(platform, executions.NewExecution("acme", "demo")) for _ in range(MANY)]
    with a_worker(platform, root) as first:
        until(lambda: server.calls.total() >= MANY * len(STEPS) // 3, "a third of the calls")
        first.send_signal(signal.SIGKILL)
        first.wait()
    done, asked = recorded(platform, ids), server.calls.total()
    assert 0 < len(done) < MANY * len(STEPS)
    assert statuses(platform, ids)["completed"] < MANY
    with a_worker(platform, root):
        until(lambda: statuses(platform, ids)["completed"] == MANY, "the end of all executions")

    keys = Counter(key for path in server.keys.values() for key in path)
    wanted = {f"{one}:/do/{at}/{name}" for one in ids for at, name in enumerate(STEPS)}
    assert set(keys) == wanted
    assert {key: count for key, count in keys.items() if key in done and count > 1} == {}
    in_flight = asked - len(done & wanted)
    assert keys.total() <= len(wanted) + in_flight


def test_a_question_outlives_killed_workers_and_is_asked_once(
    platform: Platform, project: Callable[..., Path], server: CountingServer
) -> None:
    ask = "  - ask: {call: approval, with: {title: Go on?}}\n"
    root = project({"main": "do:\n" + posts(server.url, "before") + ask + posts(server.url, "after")})
    carry(platform, root)
    one = executions.create(platform, executions.NewExecution("acme", "demo"))
    server.held = {"/after"}
    with a_worker(platform, root) as first:
        until(lambda: len(approvals.list_approvals(platform, "acme")) == 1, "the question")
        first.send_signal(signal.SIGKILL)
        first.wait()
    approvals.decide(platform, "acme", one, approvals.Verdict(True, data={"n": 1}), actor="ann")
    with a_worker(platform, root) as second:
        assert server.arrived.wait(SECONDS)
        second.send_signal(signal.SIGKILL)
        second.wait()
    server.release.set()
    with a_worker(platform, root):
        until(lambda: statuses(platform, [one])["completed"] == 1, "the end")
    assert server.calls == {"/before": 1, "/after": 2}
    assert len(set(server.keys["/after"])) == 1
    [asked] = approvals.list_approvals(platform, "acme", status="")
    assert (asked.status, asked.decided_by) == ("approved", "ann")
