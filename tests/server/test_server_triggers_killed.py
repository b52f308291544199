"""A server that is killed while it answers: clients ask again, and every request is one execution."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import sqlalchemy as sa
from server_world import ENOUGH, where

from caseway.platform import keys
from caseway.platform.compose import Platform
from caseway.platform.tables import executions
from caseway.platform.views import get_instance
from chaos.store_builders import (
    KEY,
    ORGANIZATION,
    a_platform,
    a_repo,
    a_use_case,
    a_workflow,
    an_instance,
    deployed,
)

REQUESTS = 60
HTTP = {"id": "http", "type": "http", "path": "/start"}


@contextmanager
def a_server(folder: Path, url: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`caseway serve all` on that database, and where it listens."""
    command = [
        sys.executable,
        "-m",
        "caseway",
        "serve",
        "all",
        "--port",
        "0",
        "--drain",
        "0",
        "--format",
        "json",
    ]
    environment = {
        **os.environ,
        "CASEWAY_DATABASE_URL": url,
        "CASEWAY_SECRET_KEY": KEY,
        "CASEWAY_ORGANIZATION": ORGANIZATION,
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    server = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield server, where(server)
    finally:
        if server.poll() is None:
            server.terminate()
        server.wait(timeout=ENOUGH)
        server.stdout.close()


def test_no_request_is_lost_or_doubled_when_the_server_is_killed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with a_platform(url) as platform:
        workflow = a_workflow(triggers=[HTTP])
        deployed(platform, a_repo(a_use_case(workflows=[workflow]), an_instance()))
        instance_id = get_instance(platform, ORGANIZATION, "invoice-dev").id
        key = keys.create(platform, ORGANIZATION, "invoice-dev", actor="tests")[1]

    path = f"/hooks/{instance_id}/start"
    answered: dict[int, str] = {}

    async def send(base: str, *, until: int) -> None:
        """Every request that has no answer yet, eight at a time; none after `until` answers."""
        waiting = [number for number in range(REQUESTS) if number not in answered]

        async def one_after_the_other(client: httpx.AsyncClient) -> None:
            while waiting and len(answered) < until:
                number = waiting.pop()
                headers = {"X-API-Key": key, "Idempotency-Key": f"request-{number}"}
                try:
                    answer = await client.post(path, json={"n": number}, headers=headers)
                except httpx.TransportError:
                    return
                assert answer.status_code == 202, answer.text
                answered[number] = answer.json()["id"]

        async with httpx.AsyncClient(base_url=base, timeout=ENOUGH) as client:
            await asyncio.gather(*(one_after_the_other(client) for _ in range(8)))

    async def send_and_kill(server: subprocess.Popen[str], base: str) -> None:
        sending = asyncio.create_task(send(base, until=REQUESTS))
        while len(answered) < REQUESTS // 3 and not sending.done():
            await asyncio.sleep(0.001)
        server.send_signal(signal.SIGKILL)
        await sending

    with a_server(tmp_path, url) as (server, base):
        asyncio.run(send_and_kill(server, base))
    before = dict(answered)
    with a_server(tmp_path, url) as (_, base):
        asyncio.run(send(base, until=REQUESTS))
        with a_platform(url) as platform:
            found = wait_for_ends(platform)

    assert before.items() <= answered.items()
    assert sorted(found) == sorted(answered.values())
    assert set(found.values()) == {"completed"}


def wait_for_ends(platform: Platform) -> dict[str, str]:
    """Every execution with its status, once all have ended."""

    async def look() -> dict[str, str]:
        while True:
            with platform.database.reading() as connection:
                rows = connection.execute(sa.select(executions.c.id, executions.c.status)).all()
            found = {str(row[0]): str(row[1]) for row in rows}
            if set(found.values()) <= {"completed", "faulted", "cancelled"}:
                return found
            await asyncio.sleep(0.05)

    return asyncio.run(look())
