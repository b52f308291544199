"""Stands in for the services that sample-repo/ calls, offline. Rule: answers depend on the request and on
what was asked before, never on time or chance.

    python tests/e2e/demo/stub_server.py [PORT]

listens on 127.0.0.1:8765 until interrupted.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

DEFAULT_PORT = 8765
BUSY_ANSWERS = 2  # the classifier is busy twice for a ticket before it answers

SUPPLIERS = {
    "S-100": {"id": "S-100", "name": "Nordlicht Paper", "status": "active"},
    "S-200": {"id": "S-200", "name": "Quickbuck Ltd", "status": "blocked"},
}
SALES: Mapping[str, Mapping[str, list[Any]]] = {
    "orders": {
        "north": [
            {"id": "N-1", "total": 120.0},
            {"id": "N-2", "total": 79.5},
            {"id": "N-3", "total": 310.25},
        ],
        "south": [{"id": "S-1", "total": 64.0}, {"id": "S-2", "total": 18.75}],
        "overseas": [{"id": "O-1", "total": 1999.0}],
    },
    "returns": {"north": [{"id": "N-0"}], "overseas": [{"id": "O-7"}, {"id": "O-8"}]},
}
STOCK = [{"sku": "TEA", "left": 3}, {"sku": "CUP", "left": 0}, {"sku": "POT", "left": 41}]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


Answer = tuple[int, Any]


@dataclass
class Services:
    """All of Acme's services and what they remember: every request, and how often each was made."""

    requests: list[Asked] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, asked: Asked) -> Answer:
        """The status and the JSON body for one request."""
        with self.lock:
            self.requests.append(asked)
            for method, pattern, respond in ROUTES:
                match = re.fullmatch(pattern, asked.path)
                if match and method == asked.method:
                    return respond(self, asked, match)
        return 404, {"title": f"nobody answers {asked.method} {asked.path}"}

    def next(self, kind: str) -> int:
        """The next number of this kind, from 1."""
        self.counts[kind] += 1
        return self.counts[kind]


def _supplier(_: Services, asked: Asked, match: re.Match[str]) -> Answer:
    if not asked.headers.get("authorization", "").startswith("Bearer "):
        return 401, {"title": "a bearer token is required"}
    supplier = SUPPLIERS.get(match[1])
    return (200, supplier) if supplier else (404, {"title": "no such supplier"})


def _classify(services: Services, asked: Asked, _: re.Match[str]) -> Answer:
    if services.next(f"classify {asked.body['id']}") <= BUSY_ANSWERS:
        return 503, {"title": "the classifier is busy"}
    text = asked.body["text"].lower()
    if "yacht" in text:
        return 200, {"category": "spam", "urgency": 1}
    if "down" in text:
        return 200, {"category": "outage", "urgency": 5}
    return 200, {"category": "question", "urgency": 2}


def _reservation(services: Services, asked: Asked, _: re.Match[str]) -> Answer:
    if any(item["sku"] == "CUP" for item in asked.body["items"]):
        return 409, {"title": "sold out"}
    return 201, {"id": f"R-{services.next('reservation')}"}


def _charge(services: Services, asked: Asked, _: re.Match[str]) -> Answer:
    if str(asked.body["card"]).endswith("0002"):
        return 402, {"title": "card declined"}
    return 201, {"id": f"C-{services.next('charge')}"}


def _shipment(services: Services, asked: Asked, _: re.Match[str]) -> Answer:
    if asked.body["country"] == "AQ":
        return 422, {"title": "no service to this country"}
    return 201, {"tracking": f"{asked.body['country']}-{services.next('shipment'):06d}"}


def _sales(_: Services, asked: Asked, match: re.Match[str]) -> Answer:
    if not asked.headers.get("x-api-key"):
        return 401, {"title": "an API key is required"}
    return 200, {match[1]: SALES[match[1]].get(asked.query["region"], [])}


def _stock(_: Services, asked: Asked, __: re.Match[str]) -> Answer:
    return 200, {"items": [item for item in STOCK if item["left"] < int(asked.query.get("below", "5"))]}


Respond = Callable[[Services, Asked, "re.Match[str]"], Answer]

ROUTES: tuple[tuple[str, str, Respond], ...] = (
    ("GET", r"/erp/suppliers/([^/]+)", _supplier),
    ("POST", r"/erp/invoices", lambda services, asked, _: (201, {"id": f"B-{services.next('booking')}"})),
    ("POST", r"/erp/approvals", lambda services, asked, _: (201, {"id": f"A-{services.next('approval')}"})),
    ("GET", r"/shop/(orders|returns)", _sales),
    ("GET", r"/warehouse/stock", _stock),
    ("PUT", r"/warehouse/articles", lambda _, asked, __: (200, {"stored": len(asked.body["articles"])})),
    ("POST", r"/warehouse/reservations", _reservation),
    ("DELETE", r"/warehouse/reservations/([^/]+)", lambda *_: (200, {"released": True})),
    ("POST", r"/mail/messages", lambda *_: (202, {"accepted": True})),
    ("POST", r"/helpdesk/classify", _classify),
    ("POST", r"/helpdesk/pages", lambda *_: (201, {"onCall": "sam"})),
    ("PUT", r"/helpdesk/tickets/([^/]+)", lambda *_: (200, {"ok": True})),
    ("POST", r"/payments/charges", _charge),
    ("POST", r"/payments/charges/([^/]+)/refund", lambda *_: (200, {"refunded": True})),
    ("POST", r"/carrier/shipments", _shipment),
)


def _handler(services: Services) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # head and body in one segment, or the client waits for a delayed acknowledgement

        def respond(self) -> None:
            url = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            asked = Asked(
                self.command,
                url.path,
                {key: values[-1] for key, values in parse_qs(url.query).items()},
                {key.lower(): value for key, value in self.headers.items()},
                json.loads(raw) if raw else None,
            )
            status, body = services.answer(asked)
            payload = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PUT = do_DELETE = respond

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the terminal belongs to the demo."""

    return Handler


@dataclass(frozen=True)
class Stub:
    """A running stand-in: its address and its services' memory."""

    url: str
    services: Services


@contextmanager
def stub_services(port: int = 0) -> Iterator[Stub]:
    """Serve on 127.0.0.1:`port` (0: any free one) in a thread until the block ends."""
    services = Services()
    with ThreadingHTTPServer(("127.0.0.1", port), _handler(services)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield Stub(f"http://127.0.0.1:{server.server_address[1]}", services)
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    with stub_services(int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_PORT) as running:
        sys.stdout.write(f"Acme's services listen on {running.url}; ^C ends them\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            sys.stdout.write("\n")
