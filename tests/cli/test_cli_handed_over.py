"""A command that runs an execution is told to end: what it ran goes on elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def test_sigterm_hands_the_execution_over(folder, caseway):
    arrived, release = threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            arrived.set()
            release.wait(600)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    files = {
        "caseway.yaml": "apiVersion: caseway/v1\nkind: Project\nmetadata: {name: acme}\nspec: {}\n",
        "use-cases/pay/usecase.yaml": (
            "apiVersion: caseway/v1\nkind: UseCase\nmetadata: {name: pay}\nspec:\n  title: Pay\n"
            "  workflows: [{id: main, file: workflows/main.yaml, triggers: [{id: m, type: manual}]}]\n"
        ),
        "use-cases/pay/workflows/main.yaml": (
            "document: {dsl: 1.0.3, namespace: pay, name: main, version: 1.0.0}\n"
            f"do: [{{c: {{call: http, with: {{method: get, endpoint: 'http://127.0.0.1:{server.server_port}/'}}}}}}]\n"
        ),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    try:
        assert caseway("apply", "--yes").code == 0
        command = [sys.executable, "-m", "caseway", "trigger", "pay"]
        process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, env={**os.environ})
        assert arrived.wait(120)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=120)
        assert (process.returncode, "left to another worker" in err) == (1, True)
        (one,) = caseway("executions", "list", "--format", "json").json["executions"]
        assert (one["status"], one["reason"]) == ("pending", "handed over")
    finally:
        release.set()
        server.shutdown()
        thread.join()
        server.server_close()
