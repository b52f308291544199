"""Applies through `caseway serve all` as it runs for real: the server is killed in the middle and started
again, or the client is; what was agreed to is done once, and whoever looks hears the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from caseway.model.access import ALL_SCOPES, local
from caseway.model.desired import Desired
from caseway.operations.client import PlanOptions
from caseway.operations.remote_client import RemoteClient
from caseway.platform.access import people, tokens
from chaos.store_builders import KEY, ORGANIZATION, a_platform, a_repo, a_use_case, an_instance
from free_ports import free_port
from server.server_world import where

MANY = 25
NAMES = [f"process-{number:02}" for number in range(MANY)]

CLIENT = """
import sys
from caseway.operations.client import PlanOptions
from caseway.operations.remote_apply import apply_there
from caseway.operations.remote_client import RemoteClient
from server.test_server_apply_cut import many
url, token = sys.argv[1:]
with RemoteClient(url, token) as client:
    plan = client.plan(many(), PlanOptions())
    apply_there(client, plan, lambda event: print(event.event, flush=True), "mine")
"""


def many() -> Desired:
    """A project that takes a while."""
    use_cases = [a_use_case(name) for name in NAMES]
    return a_repo(*use_cases, *(an_instance(f"{name}-dev", use_case=name) for name in NAMES))


class Server:
    """`caseway serve all` on one port, however often it is started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = f"sqlite:///{folder / 'state.db'}"
        with a_platform(self.database) as platform:
            people.add_user(platform, local(ORGANIZATION, "tests"), "ann", role="owner")
            self.token = tokens.create_token(
                platform, local(ORGANIZATION, "tests"), user="ann", scopes=ALL_SCOPES
            )[1]
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        words = [
            "-m",
            "caseway",
            "serve",
            "all",
            "--port",
            str(self.port),
            "--drain",
            "0",
            "--format",
            "json",
        ]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CASEWAY_")}
        self.process = subprocess.Popen(
            [sys.executable, *words, "--database-url", self.database],
            cwd=self.folder,
            env={**environment, "CASEWAY_SECRET_KEY": KEY},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert where(self.process) == self.url

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.communicate()
            self.process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(tmp_path)
    found.start()
    try:
        yield found
    finally:
        found.kill()


def is_all_there(client: RemoteClient) -> bool:
    """Every instance is deployed, each of them once, and a new plan is empty."""
    phases = {item["name"]: item["phase"] for item in client.call("instances.list")["items"]}
    attempts = [len(client.call("deployments.list", name=f"{name}-dev")["items"]) for name in NAMES]
    assert phases == dict.fromkeys((f"{name}-dev" for name in NAMES), "active")
    assert set(attempts) <= {1, 2}, "an attempt that was cut is made again, a finished one is not"
    return client.plan(many(), PlanOptions()).is_empty


def test_a_client_hears_the_end_of_an_apply_whose_server_was_killed_and_started_again(server: Server) -> None:
    cut = threading.Event()
    finished: list[str] = []

    def heard(event) -> None:
        if event.event == "finished":
            finished.append(event.action.id)
        if len(finished) >= 5:
            cut.set()

    def fell() -> None:
        cut.wait(120)
        server.kill()
        server.start()

    falling = threading.Thread(target=fell)
    falling.start()
    with RemoteClient(server.url, server.token) as client:
        plan = client.plan(many(), PlanOptions())
        report = client.apply(plan, heard)
        falling.join()
        assert report.is_ok, [(item.id, item.error_code, item.message) for item in report.failed]
        assert {item.id for item in report.results} >= {action.id for action in plan.actions}
        assert is_all_there(client)


def test_an_apply_goes_on_when_its_client_is_killed(server: Server) -> None:
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, server.url, server.token],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert client.stdout.readline().strip() == "started"
    client.kill()
    client.communicate()
    with RemoteClient(server.url, server.token) as other:
        while other.call("applies.get", id="mine")["status"] not in {"done", "failed"}:
            time.sleep(0.05)
        assert other.call("applies.get", id="mine")["status"] == "done"
        assert is_all_there(other)
