"""Workers that are killed while they take messages: none is lost, and none starts two executions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from caseway.platform.database import open_database
from caseway.platform.tables import executions
from queue_brokers import opened

MESSAGES = 120
SECONDS = 150.0
PROJECT = "apiVersion: caseway/v1\nkind: Project\nmetadata: {name: acme}\nspec: {}\n"
CONNECTION = """
apiVersion: caseway/v1
kind: Connection
metadata: {name: broker}
spec: {type: TYPE, url: "URL", credential: broker}
"""
USE_CASE = """
apiVersion: caseway/v1
kind: UseCase
metadata: {name: demo}
spec:
  title: Demo
  connections: [broker]
  workflows:
    - id: main
      file: workflows/main.yaml
      triggers: [{id: orders, type: queue, connection: broker, KIND: orders, prefetch: 5}]
"""
WORKFLOW = """
document: {dsl: "1.0.3", namespace: demo, name: main, version: "1.0.0"}
do: [{one: {set: {order: "${ .order }"}}}]
"""


def caseway(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "caseway", *words], cwd=root, capture_output=True, text=True, check=False
    )


def a_worker(root: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "caseway", "serve", "worker"],
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def until(is_so: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.05)


@pytest.mark.parametrize("kind", ["stream", "list"])
def test_every_message_starts_one_execution_though_workers_are_killed(kind: str, tmp_path: Path) -> None:
    root = tmp_path / "repo"
    with opened(kind, tmp_path) as broker:
        files = {
            "caseway.yaml": PROJECT,
            "connections/broker.yaml": CONNECTION.replace("TYPE", broker.type).replace("URL", broker.url),
            "use-cases/demo/usecase.yaml": USE_CASE.replace("KIND", kind),
            "use-cases/demo/workflows/main.yaml": WORKFLOW,
        }
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        assert caseway(root, "apply", "--yes").returncode == 0  # the instance waits for the credential
        stored = caseway(root, "credential", "set", "broker", "--value", json.dumps({"password": "pw"}))
        assert stored.returncode == 0, stored.stderr
        broker.send("orders", *(json.dumps({"order": number}).encode() for number in range(MESSAGES)))
        database = open_database(f"sqlite:///{root / '.caseway/state.db'}")

        def orders() -> list[int]:
            with database.reading() as connection:
                return sorted(given["order"] for given in connection.scalars(sa.select(executions.c.input)))

        for part in (1, 2):  # a third of the messages each time, then it dies at whatever it does
            worker = a_worker(root)
            until(lambda part=part: len(orders()) >= part * MESSAGES // 3, "no messages were taken")
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
        worker = a_worker(root)
        until(lambda: len(orders()) >= MESSAGES, "messages were lost")
        worker.terminate()
        worker.wait(SECONDS)
        assert orders() == list(range(MESSAGES))
        with broker.client() as client:
            left = client.xinfo_groups("orders")[0]["pending"] if kind == "stream" else client.llen("orders")
        assert left == 0
        database.close()
