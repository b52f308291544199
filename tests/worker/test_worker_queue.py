"""Workers fed by a queue: ids through Redis, the truth in PostgreSQL. What the queue loses is sent again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from worker_world import carry

from caseway.model.errors import CasewayError
from caseway.platform import executions
from caseway.platform.compose import Platform, open_platform
from caseway.platform.journal import JournalWriter
from caseway.platform.queue import check_queue, telling
from caseway.platform.queue_saq import QueueLost, SaqQueue
from caseway.platform.tables import executions as table
from caseway.targets.registry import TARGETS
from caseway.worker.feed import QueueFeed
from caseway.worker.pool import Pool
from caseway.worker.run import Worker
from caseway.worker.serve import serve_pool
from free_ports import free_port
from runner.serving import listens, wait_until

POSTGRES = "postgresql://somebody@here/name"
SECONDS = 120.0  # until a test gives up


@contextmanager
def a_redis(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A Redis that keeps nothing on disk."""
    command = ["redis-server", "--port", str(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: listens(port), "the start of Redis")
        yield running
    finally:
        running.kill()
        running.wait()


@pytest.fixture(scope="module")
def redis_server() -> Iterator[str]:
    """The URL of a Redis of our own."""
    if shutil.which("redis-server") is None:
        pytest.skip("no Redis is installed: install redis-server to test queues")
    port = free_port()
    with a_redis(port):
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """A Redis that is empty at first."""
    flush(redis_server)
    return redis_server


def flush(url: str) -> None:
    """Forget all that the queue holds."""
    import redis  # noqa: PLC0415 - an extra

    with redis.Redis.from_url(url) as connection:
        connection.flushall()


def count(platform: Platform, *status: str) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(table.c.status.in_(status))
    with platform.database.reading() as connection:
        return int(connection.scalar(query) or 0)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for it; the test fails when it takes too long."""
    async with asyncio.timeout(SECONDS):
        while not await asyncio.to_thread(is_so):
            await asyncio.sleep(0.02)


Act = Callable[[Pool], Coroutine[Any, Any, None]]


async def served(platform: Platform, queue_url: str, act: Act) -> None:
    """A worker that lives as long as `act` takes."""
    queue, stop = SaqQueue(queue_url), asyncio.Event()
    with JournalWriter(platform.database) as writer:
        pool = Pool(Worker(platform, writer))
        work = asyncio.create_task(serve_pool(pool, stop=stop, queue=queue))
        try:
            await act(pool)
        finally:
            stop.set()
            await work
            await queue.close()


@pytest.fixture
def served_platform(postgres_url: str, project: Callable[..., Path], tmp_path: Path) -> Iterator[Platform]:
    """A platform on PostgreSQL with a workflow to run."""
    options = {"targets": TARGETS, "key_file": tmp_path / "secret.key"}
    with open_platform(postgres_url, **options) as platform:
        carry(platform, project({"main": "do:\n  - say: {set: {text: hello}}\n"}))
        yield platform


def an_execution(platform: Platform, **changes: Any) -> str:
    return executions.create(platform, executions.NewExecution("acme", "demo", **changes))


@pytest.mark.parametrize("bad", ["amqp://here", "nonsense", "http://here:6379"])
def test_a_queue_that_cannot_be_used_is_refused_in_words(bad: str) -> None:
    with pytest.raises(CasewayError) as caught:
        check_queue(POSTGRES, bad)
    assert caught.value.code == "queue" and "redis://" in caught.value.hint


def test_a_queue_with_sqlite_is_refused_with_what_to_do() -> None:
    with pytest.raises(CasewayError) as caught:
        check_queue("sqlite:///state.db", "redis://127.0.0.1:6379/0")
    assert "CASEWAY_DATABASE_URL" in caught.value.hint and "CASEWAY_QUEUE_URL" in caught.value.hint


def test_no_queue_goes_with_any_database() -> None:
    check_queue("sqlite:///state.db", "")
    check_queue(POSTGRES, "")


def test_a_command_refuses_a_queue_with_sqlite(tmp_path: Path) -> None:
    settings = {
        "CASEWAY_QUEUE_URL": "redis://127.0.0.1:6379/0",
        "CASEWAY_DATABASE_URL": f"sqlite:///{tmp_path}/s",
    }
    (tmp_path / "s").touch()
    done = subprocess.run(
        [sys.executable, "-m", "caseway", "serve", "worker", "--once"],
        env={**os.environ, **settings},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "a queue is for several machines" in done.stderr


def test_what_becomes_pending_is_delivered_and_run(served_platform: Platform, redis_url: str) -> None:
    async def act(_pool: Pool) -> None:
        with telling(served_platform, POSTGRES, redis_url):
            made = [await asyncio.to_thread(an_execution, served_platform) for _ in range(5)]
            await until(lambda: count(served_platform, "completed") == len(made))

    asyncio.run(served(served_platform, redis_url, act))
    assert count(served_platform, "pending", "running") == 0


def test_what_was_delivered_twice_is_run_once(served_platform: Platform, redis_url: str) -> None:
    execution_id = an_execution(served_platform)

    async def act(pool: Pool) -> None:
        queue = SaqQueue(redis_url)
        await queue.send([execution_id], again="1")
        await queue.send([execution_id], again="2")
        await until(lambda: count(served_platform, "completed") == 1)
        await until_empty(queue)
        await queue.close()

    asyncio.run(served(served_platform, redis_url, act))
    assert executions.get_execution(served_platform, execution_id).dispatches == 1


async def until_empty(queue: SaqQueue) -> None:
    async with asyncio.timeout(SECONDS):
        while not await queue.is_empty():
            await asyncio.sleep(0.02)


def test_an_id_that_several_send_again_is_delivered_once(redis_url: str) -> None:
    async def act() -> list[str | None]:
        one, other = SaqQueue(redis_url), SaqQueue(redis_url)
        await one.send(["x"], again="7")
        await other.send(["x"], again="7")
        delivered = [await one.next(SECONDS), await other.next(0.2)]
        await one.close()
        await other.close()
        return delivered

    assert asyncio.run(act()) == ["x", None]


def test_what_nobody_sent_is_found_by_a_look(served_platform: Platform, redis_url: str) -> None:
    execution_id = an_execution(served_platform)

    async def act() -> str | None:
        queue = SaqQueue(redis_url)
        with JournalWriter(served_platform.database) as writer:
            feed = QueueFeed(queue, Pool(Worker(served_platform, writer)), resend=timedelta(0, 0, 1))
            await feed.look_again()
            found = await queue.next(SECONDS)
        await queue.close()
        return found

    assert asyncio.run(act()) == execution_id


def test_an_id_of_what_was_purged_harms_nobody(served_platform: Platform, redis_url: str) -> None:
    async def act(pool: Pool) -> None:
        queue = SaqQueue(redis_url)
        await queue.send(["gone"])
        await until_empty(queue)
        with telling(served_platform, POSTGRES, redis_url):
            await asyncio.to_thread(an_execution, served_platform)
            await until(lambda: count(served_platform, "completed") == 1)
        await queue.close()

    asyncio.run(served(served_platform, redis_url, act))


def test_without_its_queue_a_worker_looks_into_the_store(served_platform: Platform) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    an_execution(served_platform)

    async def act(_pool: Pool) -> None:
        await until(lambda: count(served_platform, "completed") == 1)

    asyncio.run(served(served_platform, nowhere, act))


def test_a_queue_that_does_not_answer_is_told_as_such() -> None:
    async def act() -> None:
        queue = SaqQueue(f"redis://127.0.0.1:{free_port()}/0")
        try:
            with pytest.raises(QueueLost):
                await queue.send(["x"])
            with pytest.raises(QueueLost):
                await queue.next(0.1)
        finally:
            await queue.close()

    asyncio.run(act())


def test_making_executions_goes_on_while_the_queue_is_away(served_platform: Platform) -> None:
    with telling(served_platform, POSTGRES, f"redis://127.0.0.1:{free_port()}/0"):
        execution_id = an_execution(served_platform)
    assert executions.get_execution(served_platform, execution_id).status == "pending"


def a_worker(postgres_url: str, redis_url: str, root: Path) -> subprocess.Popen[bytes]:
    """A worker process of its own."""
    settings = {"CASEWAY_DATABASE_URL": postgres_url, "CASEWAY_QUEUE_URL": redis_url}
    command = [sys.executable, "-m", "caseway", "serve", "worker", "--concurrency", "5", "--grace", "5"]
    return subprocess.Popen(
        command,
        env={**os.environ, **settings},
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_a_flushed_queue_and_a_killed_worker_lose_and_double_nothing(
    postgres_url: str,
    redis_url: str,
    project: Callable[..., Path],
    server: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("CASEWAY_SECRET_KEY", "ZmVybmV0LWtleS1vZi0zMi1ieXRlcy1mb3ItdGVzdHM=")
    call = f"      call: http\n      with: {{method: post, endpoint: '{server.url}/'}}\n"
    root = project({"main": f"do:\n  - one:\n{call}  - two:\n{call}"})
    made = 40
    with (
        open_platform(postgres_url, targets=TARGETS) as platform,
        telling(platform, POSTGRES, redis_url),
    ):
        carry(platform, root)
        workers = [a_worker(postgres_url, redis_url, root) for _ in range(2)]
        try:
            ids = [an_execution(platform, idempotency_key=f"k{number}") for number in range(made)]
            asyncio.run(until(lambda: count(platform, "completed") >= 5))
            flush(redis_url)
            workers[0].send_signal(signal.SIGKILL)
            workers[0].wait()
            workers.append(a_worker(postgres_url, redis_url, root))
            again = [an_execution(platform, idempotency_key=f"k{number}") for number in range(made)]
            asyncio.run(until(lambda: count(platform, "completed") == made))
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
        with platform.database.reading() as connection:
            dispatches = list(connection.scalars(sa.select(table.c.dispatches)))
    assert again == ids
    assert len(dispatches) == made
    repeated = sum(dispatches) - made  # only a call that was under way when its worker died
    assert 2 * made <= sum(server.calls.values()) <= 2 * made + repeated
