"""Starts what calls are tested against: ASGI apps in a thread, brokers as processes, each on a free port."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from free_ports import free_port


def wait_until(is_so: Callable[[], Any], what: str, seconds: float = 120) -> None:
    """Return when `is_so()`; fail when that takes too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_so():
            return
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def listens(port: int) -> bool:
    """Whether somebody listens on `port`."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextmanager
def asgi(app: Any, port: int) -> Iterator[int]:
    """Serve an ASGI app on `port`."""
    uvicorn = pytest.importorskip("uvicorn", reason="no ASGI server is installed")
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, "the server's start")
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(120)


@contextmanager
def rabbit(folder: Path) -> Iterator[int]:
    """Run RabbitMQ with its data in `folder`, and a port mapper of Erlang's of its own."""
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin"))
    if not found:
        pytest.skip("rabbitmq-server is not installed")
    port, hidden, mapper = free_port(), free_port(), free_port()
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"tested-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(hidden),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
    }
    with broker([str(found[-1] / "rabbitmq-server")], port, env=environment, start_new_session=True):
        yield port
    subprocess.run(["epmd", "-port", str(mapper), "-kill"], stdout=subprocess.DEVNULL, check=True)


@contextmanager
def broker(command: Sequence[str], port: int, **options: Any) -> Iterator[int]:
    """Run a broker that listens on `port`; skip the test when its binary is not installed."""
    binary = shutil.which(command[0], path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
    if binary is None:
        pytest.skip(f"{command[0]} is not installed")
    process = subprocess.Popen(
        [binary, *command[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )
    try:
        wait_until(lambda: listens(port), f"the start of {command[0]}")
        yield port
    finally:
        process.terminate()
        process.wait(120)
