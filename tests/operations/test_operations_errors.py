"""Errors of operations, of the server and of both clients: each has its status, and a test."""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import caseway
from caseway.model.errors import CasewayError
from caseway.operations.remote_client import RemoteClient
from caseway.operations.table import the_operation
from caseway.server.problems import STATUSES, status_of

ROOT = Path(caseway.__file__).parent
TESTS = Path(__file__).parents[1]


@contextmanager
def answering(
    status: int, body: bytes, kind: str = "text/html", more: Mapping[str, str] | None = None
) -> Iterator[str]:
    """A server that is no Caseway, and gives the same answer to everything."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in (more or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refusal(url: str) -> CasewayError:
    with (
        RemoteClient(url, "cwp_x", pause=lambda _seconds: None) as client,
        pytest.raises(CasewayError) as caught,
    ):
        client.call("status.get")
    return caught.value


def test_an_operation_that_is_none_is_said():
    with pytest.raises(CasewayError) as caught:
        the_operation("instances.explode")
    assert (caught.value.code, status_of(caught.value.code)) == ("no-such-operation", 404)


@pytest.mark.parametrize("url", ["caseway.example.com", "ftp://caseway.example.com", "file:///etc/passwd"])
def test_an_address_that_is_none_is_said(url):
    with pytest.raises(CasewayError) as caught:
        RemoteClient(url, "")
    assert caught.value.code == "server-url"
    assert "CASEWAY_SERVER" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b"<html>nothing here</html>", "text/html"),
        (500, b'{"message": "other"}', "application/json"),
        (502, b"", "text/plain"),
        (418, b"[1]", "application/json"),
    ],
)
def test_an_answer_of_another_program_is_quoted_and_doubted(status, body, kind):
    with answering(status, body, kind) as url:
        error = refusal(url)
    assert error.code == "unexpected-answer"
    assert str(status) in error.message
    assert "CASEWAY_SERVER" in error.hint


def test_a_success_that_is_no_json_is_doubted_too():
    with answering(200, b"<html>welcome</html>") as url:
        assert refusal(url).code == "unexpected-answer"


def test_a_server_that_asks_to_wait_is_waited_for_and_one_that_does_not_is_not():
    for after, waits in ((b"2", [2.0, 2.0, 2.0]), (b"900", []), (b"", [])):
        body = b'{"code": "too-many-requests", "detail": "too many requests at once"}'
        waited: list[float] = []
        with (
            answering(429, body, "application/problem+json", {"Retry-After": after.decode()}) as url,
            RemoteClient(url, "cwp_x", pause=waited.append) as client,
            pytest.raises(CasewayError) as caught,
        ):
            client.call("status.get")
        assert caught.value.code == "too-many-requests"
        assert waited == waits


def test_nobody_there_is_unreachable():
    with answering(200, b"") as url:
        pass
    error = refusal(url)
    assert error.code == "unreachable"
    assert url in error.message


def codes_in(*rooms: str) -> set[str]:
    """The codes that are written out where errors of these rooms are made."""
    found = set()
    for room in rooms:
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                for keyword in node.keywords if isinstance(node, ast.Call) else ():
                    value = keyword.value
                    if keyword.arg == "code" and isinstance(value, ast.Constant) and value.value:
                        found.add(str(value.value))
    return found


def test_no_error_of_operations_and_server_is_without_a_test():
    written = "\n".join(file.read_text(encoding="utf-8") for file in TESTS.rglob("*.py"))
    untested = {code for code in codes_in("operations", "server") if not re.search(rf"\b{code}\b", written)}
    assert untested == set()


def test_every_status_is_of_a_code_that_there_is():
    known = codes_in(
        "model", "platform", "operations", "server", "delivery", "worker", "reconcile", "targets"
    )
    assert set(STATUSES) - known == set()
