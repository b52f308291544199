"""Waits on this machine for a browser to come back from a consent or a sign-in."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from caseway.model.errors import CasewayError

SECONDS = 300.0


class Return:
    """A small server on the loopback address. `url` is where the browser is to come back to."""

    def __init__(self, port: int) -> None:
        self._brought: dict[str, str] = {}
        self._server = HTTPServer(("127.0.0.1", port), self._handler())
        self._server.timeout = SECONDS
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Return:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def wait(self) -> dict[str, str]:
        """`state` and `code` as the browser brought them. Raises `CasewayError` (`consent`)."""
        while not self._brought:
            self._server.handle_request()
            if not self._brought:
                raise CasewayError("nobody came back from the browser", code="consent", hint="try again")
        if "code" not in self._brought or "state" not in self._brought:
            raise CasewayError(
                f"the consent was refused: {self._brought.get('error', 'no code')[:100]}", code="consent"
            )
        return self._brought

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        brought = self._brought

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Take what the browser brings, and let the person go."""
                query = parse_qs(urlsplit(self.path).query)
                brought.update({name: values[0] for name, values in query.items()} or {"error": "nothing"})
                body = b"You may close this window and go back to the terminal."
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing on the terminal: the address holds the code."""

        return Handler
