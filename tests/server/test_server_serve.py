"""`caseway serve` as a process of its own: it listens, answers, drains and ends on a signal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from server_world import ENOUGH, a_served_platform, where


@contextmanager
def serving(part: str, folder: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and where it listens."""
    url = f"sqlite:///{folder / 'state.db'}"
    words = [sys.executable, "-m", "caseway", "serve", part, "--port", "0", "--database-url", url]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CASEWAY_")}
    process = subprocess.Popen(
        [*words, "--format", "json", *more],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, where(process)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("part", ["web", "all"])
def test_it_answers_and_ends_in_good_order_on_sigterm(part, tmp_path):
    with serving(part, tmp_path, "--drain", "0") as (process, url):
        assert httpx.get(url + "/readyz", timeout=ENOUGH).json()["ready"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=ENOUGH) == 0


def test_it_says_not_ready_while_it_drains_and_still_answers(tmp_path):
    with serving("web", tmp_path, "--drain", "600") as (process, url):
        process.send_signal(signal.SIGTERM)
        while httpx.get(url + "/readyz", timeout=ENOUGH).status_code == 200:
            continue
        assert httpx.get(url + "/healthz", timeout=ENOUGH).status_code == 200
        process.send_signal(signal.SIGTERM)  # a second signal does not wait
        assert process.wait(timeout=ENOUGH) is not None


def test_all_in_one_process_runs_what_is_triggered(tmp_path):
    a_served_platform(tmp_path).close()
    key = json.loads(
        subprocess.run(
            [
                *(sys.executable, "-m", "caseway", "key", "create", "invoice-dev", "--format", "json"),
                *("--database-url", f"sqlite:///{tmp_path / 'state.db'}", "--organization", "acme"),
            ],
            env={**os.environ, "CASEWAY_SECRET_KEY": ""},
            cwd=tmp_path,
            check=True,
            capture_output=True,
        ).stdout
    )
    with serving("all", tmp_path, "--drain", "0") as (_, url):
        headers = {"X-API-Key": key["secret"], "Prefer": "wait=30"}
        path = f"{url}/hooks/{key['instanceId']}/main"
        made = httpx.post(path, headers=headers, json={}, timeout=ENOUGH)
        assert made.status_code in {200, 202}, made.text
        execution = made.headers.get("x-caseway-execution") or made.json()["id"]
        poll = f"{url}/hooks/{key['instanceId']}/executions/{execution}"
        until = time.monotonic() + ENOUGH
        while (told := httpx.get(poll, headers=headers, timeout=ENOUGH).json())["status"] != "completed":
            assert time.monotonic() < until, told
