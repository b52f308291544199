"""What the worker's tests share: carrying a project onto a platform, an HTTP server that counts."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from caseway.platform.apply import apply
from caseway.platform.compose import Platform
from caseway.platform.snapshot import read_snapshot
from caseway.reconcile.plan import plan
from caseway.repo.read import read


@dataclass
class CountingServer:
    """Answers every request with `{"path", "n"}`, n being how often that path was called. A call of a path in
    `held` waits until `release` is set."""

    url: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    keys: dict[str, list[str]] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    release: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)


def handler(server: CountingServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            server.calls[self.path] += 1
            server.keys.setdefault(self.path, []).append(self.headers.get("idempotency-key", ""))
            if self.path in server.held:
                server.arrived.set()
                server.release.wait(600)
            body = json.dumps({"path": self.path, "n": server.calls[self.path]}).encode()
            try:
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # the caller was killed meanwhile
                return

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            return

    return Handler


def carry(platform: Platform, root: Path) -> None:
    """Apply the project."""
    reading = read(root)
    errors = [item for item in reading.diagnostics if item.severity == "error"]
    assert not errors, errors
    desired = reading.desired[0]
    report = apply(platform, plan(desired, read_snapshot(platform, desired.organization)), actor="test")
    assert report.is_ok, report
