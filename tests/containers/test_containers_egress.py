"""HTTP out of a container that has no network: through Caseway, to the hosts that the policy allows."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from containers_world import a_document, a_job, a_place, run_job

import caseway_runner as runner
from caseway.containers.sandbox import Network

SPEC = "https://serverlessworkflow.io/spec/1.0.0/errors/"


class Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        given = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        body = json.dumps({"path": self.path, "given": given, "key": self.headers.get("x-key", "")}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join()


def a_call(url: str) -> dict:
    asked = {"method": "post", "endpoint": url, "headers": {"x-key": "k"}, "body": {"n": 1}}
    return a_document({"ask": {"call": "http", "with": asked}})


def test_a_call_reaches_a_host_that_is_allowed(engine, runtime_image, url):
    place = a_place(runtime_image, network=Network.HOSTS)
    outcome = run_job(engine, a_job(a_call(f"{url}/orders?x=1"), place))
    assert outcome.output == {"path": "/orders?x=1", "given": '{"n":1}', "key": "k"}


@pytest.mark.parametrize("whose", ["policy", "sandbox"])
def test_a_host_that_is_not_allowed_is_an_authorization_fault(engine, runtime_image, url, whose):
    allowed = ("api.example.com",)
    place = a_place(runtime_image, network=Network.HOSTS, hosts=allowed if whose == "sandbox" else ("*",))
    policy = runner.Policy(hosts=allowed if whose == "policy" else ("*",))
    outcome = run_job(engine, a_job(a_call(url), place), policy=policy)
    assert (outcome.status, outcome.error.type) == ("faulted", SPEC + "authorization")


def test_the_machine_s_metadata_is_never_reached(engine, runtime_image):
    place = a_place(runtime_image, network=Network.HOSTS)
    outcome = run_job(engine, a_job(a_call("http://169.254.169.254/latest/meta-data"), place))
    assert (outcome.status, outcome.error.type) == ("faulted", SPEC + "authorization")


def test_a_host_that_nobody_knows_is_a_communication_fault(engine, runtime_image):
    place = a_place(runtime_image, network=Network.HOSTS)
    outcome = run_job(engine, a_job(a_call("http://nowhere.invalid/"), place))
    assert (outcome.status, outcome.error.type) == ("faulted", SPEC + "communication")


def test_without_a_network_no_call_goes_out(engine, runtime_image, url):
    outcome = run_job(engine, a_job(a_call(url), a_place(runtime_image, network=Network.NONE)))
    assert (outcome.status, outcome.error.type) == ("faulted", SPEC + "communication")
