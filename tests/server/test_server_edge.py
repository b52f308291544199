"""What holds for every request, whatever it asks: ids, limits, refusals, and what a server says of itself."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from server_world import ENOUGH, TOKEN, Running, running

from caseway.model.errors import CasewayError
from caseway.operations.table import OPERATIONS
from caseway.server.app import flat
from caseway.server.openapi import document as document_of
from caseway.server.pace import BURST, Pace
from caseway.server.problems import MEDIA_TYPE, STATUSES, document
from caseway.server.settings import ServerSettings

AUTH = {"Authorization": f"Bearer {TOKEN}"}


def ask(server: Running, method: str, path: str, **more) -> httpx.Response:
    headers = {**AUTH, **more.pop("headers", {})}
    return httpx.request(method, server.url + path, headers=headers, timeout=ENOUGH, **more)


def problem(answer: httpx.Response, status: int, code: str) -> dict:
    """The answer is this problem, in full."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    told = answer.json()
    assert told["code"] == code
    assert told["status"] == status
    assert {"type", "title", "detail"} <= set(told)
    return told


def test_a_path_that_is_none_is_a_problem(served):
    problem(ask(served, "GET", "/api/v1/nothing"), 404, "not-found")


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/instances", "/api/v1/openapi.json", "/hooks/push"])
def test_a_method_that_is_not_for_a_path_says_which_are(served, path):
    answer = ask(served, "TRACE", path)
    problem(answer, 405, "method-not-allowed")
    assert ("POST" if path == "/hooks/push" else "GET") in answer.headers["allow"]


def test_without_a_token_nobody_is_let_in(served):
    answer = httpx.get(served.url + "/api/v1/instances", timeout=ENOUGH)
    problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Bearer nobody-s", "Basic YTpi", "Bearer"])
def test_a_token_that_is_not_known_is_refused(served, header):
    answer = httpx.get(served.url + "/api/v1/instances", headers={"Authorization": header}, timeout=ENOUGH)
    problem(answer, 401, "unauthenticated")


def test_another_organization_sees_nothing_of_this_one(served):
    headers = {"Authorization": "Bearer others:eve"}
    listed = httpx.get(served.url + "/api/v1/instances", headers=headers, timeout=ENOUGH)
    assert listed.json()["items"] == []
    one = httpx.get(served.url + "/api/v1/instances/invoice-dev", headers=headers, timeout=ENOUGH)
    problem(one, 404, "not-found")


def test_a_body_that_is_no_json_is_refused(served):
    answer = ask(served, "POST", "/api/v1/events", content=b"{", headers={"Content-Type": "application/json"})
    assert problem(answer, 400, "bad-json")["place"] == "line 1 column 2"


def test_a_body_of_another_type_is_refused(served):
    answer = ask(served, "POST", "/api/v1/events", content=b"a=b", headers={"Content-Type": "text/plain"})
    problem(answer, 415, "media-type")


def test_a_body_that_is_no_object_is_refused(served):
    problem(ask(served, "POST", "/api/v1/events", json=[1]), 400, "bad-json")


@pytest.mark.parametrize("depth", [100_000])
def test_json_that_is_absurdly_deep_is_refused(served, depth):
    content = b'{"event":' + b"[" * depth + b"]" * depth + b"}"
    answer = ask(
        served, "POST", "/api/v1/events", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in {400, 422}


def test_a_field_that_is_wrong_is_named(served):
    told = problem(ask(served, "GET", "/api/v1/executions?limit=0"), 422, "invalid-request")
    assert told["errors"] == [{"field": "limit", "message": "is less than 1"}]


def test_a_query_parameter_given_twice_is_refused(served):
    problem(ask(served, "GET", "/api/v1/instances?stage=a&stage=b"), 422, "invalid-request")


def test_a_request_that_says_it_is_too_large_is_refused(served):
    content = b" " * (served.app.serving.settings.max_body + 1)
    problem(ask(served, "POST", "/api/v1/events", content=content), 413, "too-large")


def test_a_request_that_turns_out_too_large_is_refused(served):
    piece = b" " * (1024 * 1024)
    many = served.app.serving.settings.max_body // len(piece) + 1
    answer = ask(served, "POST", "/api/v1/events", content=(piece for _ in range(many)))
    problem(answer, 413, "too-large")


def test_every_answer_has_the_id_of_its_request(served):
    assert (
        ask(served, "GET", "/healthz", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    )
    made = ask(served, "GET", "/nothing", headers={"X-Request-Id": "not\tgood"}).headers["x-request-id"]
    assert made
    assert made != "not\tgood"


def test_every_status_of_an_error_code_is_one_that_problems_may_have():
    assert all(400 <= status < 600 for status in STATUSES.values())


def test_the_document_names_every_operation_once_with_examples(served):
    told = ask(served, "GET", "/api/v1/openapi.json").json()
    assert told["openapi"].startswith("3.1")
    operations = [
        item for path in told["paths"].values() for key, item in path.items() if key != "parameters"
    ]
    names = [item["operationId"] for item in operations]
    assert len(names) == len(set(names))
    for item in operations:
        success = next(value for key, value in item["responses"].items() if key.startswith("2"))
        media = success["content"]
        assert {"text/event-stream", "text/plain"} & set(media) or media["application/json"]["examples"], (
            item["operationId"]
        )


def test_the_document_has_every_route_that_answers(served):
    """None can be reached that the document does not tell of, but the document itself and a handshake."""
    described = {
        (method.upper(), path)
        for path, item in document_of(OPERATIONS.values())["paths"].items()
        for method in item
        if method != "parameters"
    }
    routes = {
        (method, re.sub(r":path|_id", "", route.path))
        for route in flat(served.app._app.routes)
        for method in route.methods
    }
    assert routes - described == {("GET", "/api/v1/openapi.json"), ("OPTIONS", "/hooks/events")}
    assert described <= routes


def test_an_etag_answers_for_what_was_seen(server):
    first = ask(server, "GET", "/api/v1/instances/invoice-dev")
    tag = first.headers["etag"]
    same = ask(server, "GET", "/api/v1/instances/invoice-dev", headers={"If-None-Match": tag})
    assert same.status_code == 304
    path = "/api/v1/instances/invoice-dev/pause"
    paused = ask(server, "POST", path, headers={"If-Match": tag})
    assert paused.status_code == 200
    assert paused.headers["etag"] != tag
    problem(ask(server, "POST", path, headers={"If-Match": tag}), 412, "changed")


def test_the_same_idempotency_key_gives_the_same_answer_and_does_it_once(server):
    path, key = "/api/v1/instances/invoice-dev/executions", {"Idempotency-Key": "once"}
    first = ask(server, "POST", path, json={"input": {"a": 1}}, headers=key)
    again = ask(server, "POST", path, json={"input": {"a": 1}}, headers=key)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len(ask(server, "GET", "/api/v1/executions").json()["items"]) == 1
    problem(ask(server, "POST", path, json={"input": {"a": 2}}, headers=key), 422, "idempotency-key-reused")


def test_a_refusal_is_remembered_under_its_key_too(server):
    path, key = "/api/v1/processes/invoice", {"Idempotency-Key": "again"}
    problem(ask(server, "DELETE", path, headers=key), 409, "in-use")
    problem(ask(server, "DELETE", path, headers=key), 409, "in-use")


def test_what_is_shown_once_is_not_kept_in_the_clear(server):
    path, key = "/api/v1/instances/invoice-dev/keys", {"Idempotency-Key": "key"}
    first = ask(server, "POST", path, json={"name": "shop"}, headers=key).json()
    again = ask(server, "POST", path, json={"name": "shop"}, headers=key).json()
    assert first == again
    with server.platform.database.reading() as connection:
        kept = connection.exec_driver_sql("SELECT body FROM idempotency_keys").scalar()
    assert first["secret"] not in kept


def test_a_server_is_ready_until_it_is_told_to_stop(server):
    assert ask(server, "GET", "/readyz").json()["ready"]
    server.app.serving.ending.set()
    answer = ask(server, "GET", "/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"][0] == {
        "name": "accepting",
        "ok": False,
        "message": "this server was told to stop",
    }
    assert ask(server, "GET", "/healthz").status_code == 200


def test_a_server_whose_schema_is_another_s_is_not_ready(server):
    with server.platform.database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    told = ask(server, "GET", "/readyz")
    assert told.status_code == 503
    assert "9999" in told.json()["checks"][1]["message"]


def test_metrics_count_requests_and_executions(server):
    ask(server, "POST", "/api/v1/instances/invoice-dev/executions", json={})
    text = ask(server, "GET", "/metrics").text
    assert "caseway_queue_depth 1.0" in text
    assert 'caseway_executions{status="pending"} 1.0' in text
    assert 'route="/api/v1/instances/{instance}/executions",status="201"} 1.0' in text


def test_an_execution_s_events_go_on_after_the_last_one_heard(server):
    path = "/api/v1/instances/invoice-dev/executions"
    made = ask(server, "POST", path, json={}).json()["id"]
    ask(server, "POST", f"/api/v1/executions/{made}/cancel")
    events = f"/api/v1/executions/{made}/events"
    whole = ask(server, "GET", events).text
    last = [line for line in whole.splitlines() if line.startswith("id: ")][-1].removeprefix("id: ")
    assert "event: execution" in whole
    assert "event: end" in ask(server, "GET", events, headers={"Last-Event-ID": last}).text
    broken = ask(server, "GET", events, headers={"Last-Event-ID": "nonsense"}).text
    assert '"code":"cursor"' in broken


def test_a_stream_ends_when_the_server_is_told_to_stop(server):
    made = ask(server, "POST", "/api/v1/instances/invoice-dev/executions", json={}).json()["id"]
    events = f"{server.url}/api/v1/executions/{made}/events"
    with httpx.stream("GET", events, headers=AUTH, timeout=ENOUGH) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("retry:")
        server.app.serving.ending.set()
        assert not any(line.startswith("event: end") for line in lines)


def test_small_requests_only_where_the_operator_says_so(tmp_path, server):
    with running(server.platform, ServerSettings(port=0, drain=0.0, max_body=10)) as small:
        answer = ask(small, "POST", "/api/v1/events", content=json.dumps({"event": {}}).encode())
        problem(answer, 413, "too-large")


def test_a_caller_who_asks_too_often_is_told_when_to_ask_again_and_nobody_else_is(server):
    with running(server.platform, ServerSettings(port=0, drain=0.0, max_rate=0.01)) as slow:
        assert ask(slow, "GET", "/api/v1/status").status_code == 200
        answer = ask(slow, "GET", "/api/v1/status")
        problem(answer, 429, "too-many-requests")
        assert 1 <= int(answer.headers["retry-after"]) <= 100
        assert ask(slow, "GET", "/healthz").status_code == 200
        other = {"Authorization": "Bearer acme:olive"}
        assert ask(slow, "GET", "/api/v1/status", headers=other).status_code == 200


@given(st.lists(st.floats(0, 3), max_size=60), st.sampled_from([0.5, 1.0, 5.0, 20.0]))
def test_no_caller_gets_more_than_the_rate_and_one_burst(gaps, rate):
    now = 1000.0
    pace = Pace(rate, clock=lambda: now)
    scope = {"type": "http", "headers": [], "client": ("10.0.0.1", 1)}
    let_in = []
    for gap in gaps:
        now += gap
        wait = pace.wait(scope)
        if wait:
            now += wait
            assert pace.wait(scope) == 0, "who waits as told gets in"
        let_in.append(now)
    for at, first in enumerate(let_in):
        for upto in range(at, len(let_in)):
            most = max(rate * BURST, 1) + rate * (let_in[upto] - first)
            assert upto - at + 1 <= most + 1e-6


def test_a_bug_is_told_without_what_it_is_made_of():
    told = document(CasewayError("this is a bug in Caseway", code="bug"))
    assert told["status"] == 500
