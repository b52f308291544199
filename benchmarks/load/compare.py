"""HTTP-triggered workflows of three tasks, durable end to end, beside bare FastAPI that inserts a row.

python benchmarks/load/compare.py [--requests 3000] [--connections 16] [--rounds 3]
    [--database URL] [--kill N]

Rule: floor and Caseway take turns on the same disk; the best round of each counts.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import project
import sqlalchemy as sa
from client import Load, load

from caseway.model.diagnostic import Severity
from caseway.platform.apply import apply
from caseway.platform.compose import open_platform
from caseway.platform.database import migrate
from caseway.platform.snapshot import read_snapshot
from caseway.platform.tables import executions
from caseway.platform.views import get_instance
from caseway.reconcile.plan import plan
from caseway.repo.read import read
from caseway.targets.registry import TARGETS

HERE = Path(__file__).parent
WARM_UP = 200


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def prepared(folder: Path, database: str) -> str:
    """Apply the project; the id of its instance."""
    if not database.startswith("sqlite"):
        migrate(database)
    with open_platform(database, targets=TARGETS) as platform:
        reading = read(project.write(folder))
        errors = [item.message for item in reading.diagnostics if item.severity is Severity.ERROR]
        assert not errors, errors
        desired = reading.desired[0]
        report = apply(platform, plan(desired, read_snapshot(platform, desired.organization)), actor="bench")
        assert report.is_ok, report
        return get_instance(platform, desired.organization, "load-dev").id


@contextlib.contextmanager
def served(command: list[str], port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server that answers on `port`."""
    settings = {"CASEWAY_SECRET_KEY": "ZmVybmV0LWtleS1vZi0zMi1ieXRlcy1mb3ItdGVzdHM="}
    running = subprocess.Popen(command, env={**os.environ, **settings}, cwd=folder)
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield running
    finally:
        running.kill()
        running.wait()


def caseway(database: str, port: int) -> list[str]:
    """The command that serves everything in one process."""
    options = ["--port", str(port), "--database-url", database, "--concurrency", "64", "--drain", "0"]
    return [sys.executable, "-m", "caseway", "serve", "all", *options]


def told(name: str, wall: float, made: Load) -> str:
    """A line of the table."""
    ordered = sorted(made.seconds)
    p50, p99 = (ordered[int(len(ordered) * part)] * 1000 for part in (0.5, 0.99))
    return f"| {name} | {len(ordered) / wall:,.0f} | {p50:.1f} | {p99:.1f} | {ordered[-1] * 1000:.1f} |"


def measured(url: str, given: argparse.Namespace, name: str) -> tuple[float, Load]:
    """Seconds and answers of one round, after a warm-up."""
    asyncio.run(load(url, connections=given.connections, requests=WARM_UP, name=f"warm-{name}"))
    began = time.perf_counter()
    made = asyncio.run(load(url, connections=given.connections, requests=given.requests, name=name))
    return time.perf_counter() - began, made


def race(given: argparse.Namespace, folder: Path, database: str, instance_id: str) -> None:
    """Floor and Caseway by turns."""
    rates: dict[str, float] = {}
    print("| | requests/s | p50 ms | p99 ms | longest ms |", "| --- | --: | --: | --: | --: |", sep="\n")
    for number in range(given.rounds):
        floor_port, port = free_port(), free_port()
        floor = [sys.executable, str(HERE / "floor.py"), str(folder / f"floor-{number}.db"), str(floor_port)]
        turns = (
            ("FastAPI, INSERT+commit", floor, floor_port, "/start"),
            ("Caseway", caseway(database, port), port, f"/hooks/{instance_id}/start"),
        )
        for name, command, at, path in turns:
            with served(command, at, folder):
                wall, made = measured(f"http://127.0.0.1:{at}{path}", given, f"{name}-{number}".split(",")[0])
            print(told(name, wall, made), flush=True)
            rates[name] = max(rates.get(name, 0.0), given.requests / wall)
    print(f"\nCaseway / floor: {rates['Caseway'] / rates['FastAPI, INSERT+commit']:.2f}")


def kill(given: argparse.Namespace, folder: Path, database: str, instance_id: str) -> None:
    """Kill the server with SIGKILL again and again while clients retry; count what was lost or doubled."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/hooks/{instance_id}/start"

    async def go() -> Load:
        asking = asyncio.create_task(
            load(url, connections=given.connections, requests=given.requests, name="kill")
        )
        for _ in range(given.kill):
            running = subprocess.Popen(caseway(database, port), cwd=folder)
            await asyncio.sleep(4.0)
            running.send_signal(signal.SIGKILL)
            running.wait()
        with served(caseway(database, port), port, folder):
            return await asking

    made = asyncio.run(go())
    time.sleep(1)
    with open_platform(database, targets=TARGETS) as platform, platform.database.reading() as connection:
        mine = executions.c.id.in_(sa.select(executions.c.id).where(executions.c.trigger == "http"))
        rows = connection.execute(
            sa.select(executions.c.id, executions.c.status).where(mine, executions.c.idempotency_key != "")
        ).all()
    there = {row.id for row in rows}
    print(
        f"{len(made.answers)} requests answered after {given.kill} kills, {made.retries} retries: "
        f"{len(set(made.answers.values()) - there)} lost, {len(rows) - len(made.answers)} doubled, "
        f"{sum(row.status != 'completed' for row in rows)} not completed"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", default="")
    parser.add_argument("--kill", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = given.database or f"sqlite:///{folder}/state.db"
        instance_id = prepared(folder / "project", database)
        (kill if given.kill else race)(given, folder / "project", database, instance_id)


if __name__ == "__main__":
    main()
