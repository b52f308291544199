"""Triggers over HTTP: what callers get, and how they are refused."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from triggers_world import NAME, World, a_migrated_file, a_world, run

from caseway.platform import executions, instances, keys
from caseway.platform.executions import get_execution, list_executions
from chaos.store_builders import ORGANIZATION, a_repo, a_use_case, a_workflow, an_instance, deployed

SCHEMA = {
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "number", "minimum": 1}, "path": {}},
}


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_migrated_file(tmp_path_factory.mktemp("migrated"))


@pytest.fixture
def world(tmp_path: Path, migrated: Path) -> Iterator[World]:
    made = a_world(tmp_path, migrated)
    yield made
    made.platform.close()


def count(world: World) -> int:
    return len(list_executions(world.platform, ORGANIZATION, limit=100).items)


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert (told["status"], told["code"]) == (status, code)
    return told


def test_a_caller_with_the_key_gets_an_execution_and_asks_for_it(world: World) -> None:
    async def work() -> None:
        world.deploy({})
        key = world.key()
        async with world.calling(worker=True) as call:
            answer = await call(body={"amount": 7}, key=key)
            assert answer.status_code == 202
            assert answer.headers["location"] == answer.json()["url"]
            assert answer.json()["status"] == "pending"
            ended = await call.ended(answer, key=key)
        assert (ended["status"], ended["output"]) == ("completed", {"got": {"amount": 7}})
        view = get_execution(world.platform, ended["id"])
        assert (view.trigger, view.trigger_id, view.actor[:4]) == ("http", "http", "key:")

    run(work)


def test_a_synchronous_caller_gets_the_output(world: World) -> None:
    async def work() -> None:
        world.deploy({"response": "sync", "auth": "none"})
        async with world.calling(worker=True) as call:
            answer = await call(body={"amount": 7})
        assert (answer.status_code, answer.json()) == (200, {"got": {"amount": 7}})
        assert get_execution(world.platform, answer.headers["caseway-execution"]).status == "completed"

    run(work)


def test_a_synchronous_caller_whose_time_is_up_gets_the_execution(world: World) -> None:
    async def work() -> None:
        world.deploy({"response": "sync", "auth": "none", "timeout": "20ms"})
        async with world.calling() as call:
            answer = await call()
        assert answer.status_code == 202
        assert answer.json()["url"] == answer.headers["location"]
        assert count(world) == 1

    run(work)


def test_a_caller_may_ask_not_to_wait(world: World) -> None:
    async def work() -> None:
        world.deploy({"response": "sync", "auth": "none"})
        async with world.calling() as call:
            assert (await call(headers={"Prefer": "respond-async"})).status_code == 202

    run(work)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"type": "https://acme.example/errors/too-much", "status": 422, "title": "Too much"}, 422),
        ({"type": "https://serverlessworkflow.io/spec/1.0.0/errors/communication", "status": 404}, 502),
        ({"type": "https://serverlessworkflow.io/spec/1.0.0/errors/timeout", "status": 408}, 504),
        ({"type": "https://acme.example/errors/odd", "status": 7}, 500),
    ],
)
def test_a_workflow_that_fails_answers_with_its_problem(
    world: World, error: dict[str, Any], status: int
) -> None:
    async def work() -> None:
        failing = {"do": [{"fail": {"raise": {"error": error}}}]}
        world.deploy({"response": "sync", "auth": "none"}, document=failing)
        async with world.calling(worker=True) as call:
            told = refused(await call(), status, "execution-faulted")
        assert told["type"] == error["type"]
        assert told["execution"]

    run(work)


def test_a_stream_tells_of_every_task_and_the_end(world: World) -> None:
    async def work() -> None:
        document = {"do": [{"one": {"set": {"a": 1}}}, {"two": {"set": {"b": 2}}}]}
        world.deploy({"response": "stream", "auth": "none"}, document=document)
        async with world.calling(worker=True) as call:
            answer = await call()
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [part.split("\n") for part in answer.text.strip().split("\n\n")]
        found = [
            (head.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for head, data in events
        ]
        assert found[-1][0] == "end" and found[-1][1]["output"] == {"b": 2}
        done = [data["name"] for kind, data in found if kind == "task" and data["status"] == "completed"]
        assert done == ["one", "two"]

    run(work)


def test_an_execution_can_be_followed_by_who_asks_for_it(world: World) -> None:
    async def work() -> None:
        world.deploy({"auth": "none"})
        async with world.calling(worker=True) as call:
            url = (await call()).json()["url"]
            followed = await call.client.get(url, headers={"Accept": "text/event-stream"})
        assert "event: end" in followed.text

    run(work)


@pytest.mark.parametrize("given", ["", "cw_00000000_nonsense", "nonsense", "ü" * 10])
def test_without_the_right_key_nothing_starts(world: World, given: str) -> None:
    async def work() -> None:
        world.deploy({})
        async with world.calling() as call:
            refused(
                await call(headers={"X-API-Key": given.encode()} if given else {}), 401, "unauthenticated"
            )
        assert count(world) == 0

    run(work)


def test_a_revoked_or_expired_key_opens_nothing(world: World) -> None:
    async def work() -> None:
        world.deploy({})
        soon = world.clock() + timedelta(hours=1)
        revoked, expiring = world.key(), world.key(expires_at=soon)
        async with world.calling() as call:
            assert (await call(key=revoked)).status_code == 202
            assert (await call(key=expiring)).status_code == 202
            view = next(
                view
                for view in keys.list_keys(world.platform, ORGANIZATION)
                if revoked.startswith(view.prefix)
            )
            keys.revoke(world.platform, ORGANIZATION, view.id, actor="tests")
            refused(await call(key=revoked), 401, "unauthenticated")
            world.clock.advance(hours=2)
            refused(await call(key=expiring), 401, "unauthenticated")

    run(work)


def test_the_key_of_another_instance_opens_nothing(world: World) -> None:
    async def work() -> None:
        world.deploy({})
        case = a_use_case(
            workflows=[a_workflow(triggers=[{"id": "http", "type": "http", "path": "/start", "auth": "key"}])]
        )
        others = a_repo(case, an_instance(), an_instance("other-prod", stage="dev", owner="bob"))
        deployed(world.platform, others)
        other = keys.create(world.platform, ORGANIZATION, "other-prod", actor="tests")[1]
        async with world.calling() as call:
            refused(await call(key=other), 401, "unauthenticated")

    run(work)


def test_an_execution_is_shown_only_to_who_holds_the_key(world: World) -> None:
    async def work() -> None:
        world.deploy({})
        key = world.key()
        async with world.calling() as call:
            url = (await call(key=key)).json()["url"]
            refused(await call.client.get(url), 401, "unauthenticated")
            assert (await call.client.get(url, headers={"Authorization": f"Bearer {key}"})).status_code == 200
            refused(await call("/executions/none", method="GET", key=key), 404, "not-found")

    run(work)


def test_input_that_does_not_fit_is_refused_field_by_field(world: World) -> None:
    async def work() -> None:
        world.deploy({"auth": "none", "input": SCHEMA})
        async with world.calling() as call:
            told = refused(await call(body={"amount": 0}), 422, "invalid-input")
            assert [each["field"] for each in told["errors"]] == ["/amount"]
            told = refused(await call(body={}), 422, "invalid-input")
            assert "amount" in told["errors"][0]["message"]
        assert count(world) == 0

    run(work)


def test_the_workflows_own_schema_holds_where_the_trigger_has_none(world: World) -> None:
    async def work() -> None:
        document = {"input": {"schema": {"format": "json", "document": SCHEMA}}, "do": [{"a": {"set": {}}}]}
        world.deploy({"auth": "none"}, document=document)
        async with world.calling() as call:
            refused(await call(body={"amount": "much"}), 422, "invalid-input")

    run(work)


@pytest.mark.parametrize(
    ("trigger", "request_", "expected"),
    [
        ({}, {"body": [1, 2]}, [1, 2]),
        ({}, {}, {}),
        ({}, {"body": b"a=1&b=2&b=3", "headers": {"content-type": "application/x-www-form-urlencoded"}},
         {"a": "1", "b": ["2", "3"]}),
        ({}, {"body": b"hello", "headers": {"content-type": "text/plain; charset=utf-8"}}, "hello"),
        ({"method": "GET"}, {"method": "GET", "params": {"a": "1"}}, {"a": "1"}),
        ({}, {"body": {"x": 1}, "params": {"a": "1"}}, {"x": 1}),
        ({"path": "/start/{id}"}, {"path": "/start/7", "body": {"x": 1}}, {"x": 1, "path": {"id": "7"}}),
        ({"path": "/start/{id}"}, {"path": "/start/7", "body": [1]}, {"body": [1], "path": {"id": "7"}}),
        ({"include": ["query"]}, {"body": {"x": 1}, "params": {"a": "1"}}, {"x": 1, "query": {"a": "1"}}),
        ({"include": ["method", "body"]}, {"body": {"x": 1}}, {"body": {"x": 1}, "method": "POST"}),
        ({"methods": ["PUT", "DELETE"]}, {"method": "DELETE"}, {}),
    ],
)  # fmt: skip
def test_the_input_is_made_of_the_request(
    world: World, trigger: dict[str, Any], request_: dict[str, Any], expected: Any
) -> None:
    async def work() -> None:
        world.deploy({"auth": "none", **trigger})
        async with world.calling() as call:
            answer = await call(request_.pop("path", "/start"), **request_)
        assert answer.status_code == 202, answer.text
        assert get_execution(world.platform, answer.json()["id"]).input == expected

    run(work)


def test_query_and_path_become_what_the_schema_says(world: World) -> None:
    async def work() -> None:
        schema = {
            "properties": {
                "count": {"type": "integer"},
                "tags": {"type": "array", "items": {"type": "integer"}},
                "on": {"type": "boolean"},
                "path": {"properties": {"id": {"type": "integer"}}},
            }
        }
        world.deploy({"auth": "none", "method": "GET", "path": "/start/{id}", "input": schema})
        async with world.calling() as call:
            answer = await call("/start/7?count=3&tags=4&on=true&other=5", method="GET")
            refused(await call("/start/7?count=many", method="GET"), 422, "invalid-input")
        expected = {"count": 3, "tags": [4], "on": True, "other": "5", "path": {"id": 7}}
        assert get_execution(world.platform, answer.json()["id"]).input == expected

    run(work)


def test_headers_reach_the_workflow_without_those_that_are_secret(world: World) -> None:
    async def work() -> None:
        world.deploy({"include": ["headers"]})
        key = world.key()
        async with world.calling() as call:
            more = {"X-GitHub-Event": "push", "Authorization": "Bearer abc", "Cookie": "a=b"}
            answer = await call(body={}, key=key, headers=more)
        found = get_execution(world.platform, answer.json()["id"]).input["headers"]
        assert found["x-github-event"] == "push"
        assert {"authorization", "cookie", "x-api-key"} & set(found) == set()

    run(work)


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, None),
        (b"NaN", "application/json", 400, None),
        (b"[" * 100_000, "application/json", 400, None),
        (b"[" * 300 + b"]" * 300, "application/json", 400, None),
        (b"\xff", "text/plain", 400, None),
        (b"x", "application/octet-stream", 415, "media-type"),
        (b"x", "text/plain; charset=utf-7", 415, "media-type"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    world: World, body: bytes, kind: str, status: int, code: str | None
) -> None:
    async def work() -> None:
        world.deploy({"auth": "none"})
        async with world.calling() as call:
            refused(await call(body=body, headers={"content-type": kind}), status, code or "body")
        assert count(world) == 0

    run(work)


def test_a_body_that_is_too_large_is_refused_however_it_comes(world: World) -> None:
    async def chunks() -> Any:
        for _ in range(30):
            yield b"x" * 100

    async def work() -> None:
        world.deploy({"auth": "none", "maxBody": "1KB"})
        async with world.calling() as call:
            refused(await call(body=b"x" * 1001), 413, "too-large")
            url = f"/hooks/{call.instance_id}/start"
            refused(await call.client.post(url, content=chunks()), 413, "too-large")
        assert count(world) == 0

    run(work)


def test_a_trigger_may_take_more_than_others(world: World) -> None:
    async def work() -> None:
        world.deploy({"auth": "none", "maxBody": "3MB"})
        async with world.calling() as call:
            assert (await call(body={"text": "x" * 2_000_000})).status_code == 202

    run(work)


def test_a_path_or_method_that_nobody_answers_is_said_so(world: World) -> None:
    async def work() -> None:
        world.deploy({"auth": "none", "methods": ["PUT", "POST"]})
        async with world.calling() as call:
            refused(await call("/other"), 404, "no-trigger")
            refused(await call("/start/more"), 404, "no-trigger")
            answer = await call(method="DELETE")
            refused(answer, 405, "method-not-allowed")
            assert answer.headers["allow"] == "POST, PUT"
            call.instance_id = "nobody"
            refused(await call(), 404, "not-found")

    run(work)


def test_the_most_literal_path_wins(world: World) -> None:
    async def work() -> None:
        world.deploy(
            {"id": "any", "auth": "none", "path": "/orders/{id}"},
            {"id": "new", "auth": "none", "path": "/orders/new"},
        )
        async with world.calling() as call:
            one, other = await call("/orders/new"), await call("/orders/7")
        ids = [get_execution(world.platform, each.json()["id"]).trigger_id for each in (one, other)]
        assert ids == ["new", "any"]

    run(work)


def test_what_does_not_run_answers_nothing_and_says_why(world: World) -> None:
    async def work() -> None:
        world.deploy({"auth": "none"})
        async with world.calling() as call:
            instances.pause(world.platform, ORGANIZATION, NAME, actor="tests")
            refused(await call(), 409, "not-active")
            instances.resume(world.platform, ORGANIZATION, NAME, actor="tests")
            assert (await call()).status_code == 202
            instances.undeploy(world.platform, ORGANIZATION, NAME, actor="tests")
            refused(await call(), 404, "no-trigger")
            instances.archive(world.platform, ORGANIZATION, NAME, actor="tests")
            refused(await call(), 410, "archived")
            instances.restore(world.platform, ORGANIZATION, NAME, actor="tests")
            instances.delete(world.platform, ORGANIZATION, NAME, actor="tests")
            refused(await call(), 410, "gone")
        assert count(world) == 1

    run(work)


def test_a_paused_instance_says_nothing_to_who_has_no_key(world: World) -> None:
    async def work() -> None:
        world.deploy({})
        async with world.calling() as call:
            instances.pause(world.platform, ORGANIZATION, NAME, actor="tests")
            refused(await call(), 401, "unauthenticated")

    run(work)


def test_the_same_idempotency_key_is_one_execution_with_one_answer(world: World) -> None:
    async def work() -> None:
        world.deploy({"auth": "none", "response": "sync"})
        async with world.calling(worker=True) as call:
            first, again, other = [
                await call(body={"n": n}, headers={"Idempotency-Key": key})
                for n, key in [(0, "one"), (0, "one"), (2, "two")]
            ]
        assert first.json() == again.json() == {"got": {"n": 0}} and other.json() == {"got": {"n": 2}}
        assert "idempotency-replayed" not in first.headers and again.headers["idempotency-replayed"] == "true"
        assert count(world) == 2

    run(work)


@pytest.mark.parametrize("include", [["headers"], []])
def test_an_idempotency_key_that_is_used_for_another_request_is_refused(
    world: World, include: list[str]
) -> None:
    async def work() -> None:
        world.deploy({"auth": "none", "include": include})
        async with world.calling() as call:
            for trace in ("a", "b"):
                sent = {"Idempotency-Key": "one", "X-Trace": trace}
                assert (await call(body={"n": 1}, headers=sent)).status_code == 202
            other = await call(body={"n": 2}, headers={"Idempotency-Key": "one"})
        refused(other, 422, "idempotency-key-reused")
        assert count(world) == 1

    run(work)


def test_an_idempotency_key_that_comes_many_times_at_once_starts_one_execution(world: World) -> None:
    async def work() -> None:
        world.deploy({"auth": "none"})
        async with world.calling() as call:
            keyed = [call(headers={"Idempotency-Key": "one"}) for _ in range(10)]
            answers = await asyncio.gather(*keyed)
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert [answer.headers.get("idempotency-replayed") for answer in answers].count(None) == 1

    run(work)


def test_the_header_of_the_idempotency_key_may_be_another(world: World) -> None:
    async def work() -> None:
        world.deploy({"auth": "none", "idempotency": "X-Order"})
        async with world.calling() as call:
            ids = {(await call(headers={"X-Order": "7"})).json()["id"] for _ in range(2)}
            refused(await call(headers={"X-Order": "7" * 300}), 400, "idempotency-key")
        assert len(ids) == 1

    run(work)


def test_only_allowed_addresses_are_let_in(world: World) -> None:
    async def work() -> None:
        world.deploy({"auth": "none", "allow": ["192.0.2.0/24", "2001:db8::/32"]})
        for peer, status in {
            "192.0.2.9": 202,
            "::ffff:192.0.2.9": 202,
            "2001:db8::1": 202,
            "198.51.100.1": 403,
            "not an address": 403,
        }.items():
            async with world.calling(peer=peer) as call:
                assert (await call()).status_code == status, peer

    run(work)


def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(world: World) -> None:
    async def work() -> None:
        world.deploy({"auth": "none", "allow": ["192.0.2.7"]})
        forwarded = {"X-Forwarded-For": "192.0.2.7"}
        async with world.calling(peer="10.0.0.1") as call:
            refused(await call(headers=forwarded), 403, "forbidden")
        world.trusted = "10.0.0.0/8"
        async with world.calling(peer="10.0.0.1") as call:
            assert (await call(headers=forwarded)).status_code == 202
            assert (await call(headers={"X-Forwarded-For": "192.0.2.7, 10.9.9.9"})).status_code == 202
            spoofed = {"X-Forwarded-For": "192.0.2.7, 198.51.100.1"}
            refused(await call(headers=spoofed), 403, "forbidden")
            refused(await call(), 403, "forbidden")

    run(work)


def test_a_rate_limit_lets_through_so_many_and_says_when_to_come_back(world: World) -> None:
    async def work() -> None:
        world.deploy({"auth": "none", "rateLimit": {"requests": 2, "per": "1m"}})
        async with world.calling() as call:
            assert [(await call()).status_code for _ in range(3)] == [202, 202, 429]
            answer = await call()
            refused(answer, 429, "too-many-requests")
            assert 25 <= int(answer.headers["retry-after"]) <= 30
            world.clock.advance(seconds=int(answer.headers["retry-after"]))
            assert [(await call()).status_code for _ in range(2)] == [202, 429]
        assert count(world) == 3

    run(work)


def test_a_rate_limit_holds_across_processes_and_restarts(world: World) -> None:
    async def work() -> None:
        world.deploy({"auth": "none", "rateLimit": {"requests": 3, "per": "1h"}})
        codes = []
        for _ in range(4):
            async with world.calling() as call:  # each time as a new process would
                codes.append((await call()).status_code)
        assert codes == [202, 202, 202, 429]

    run(work)


def test_each_address_may_have_a_limit_of_its_own(world: World) -> None:
    async def work() -> None:
        world.deploy({"auth": "none", "rateLimit": {"requests": 1, "per": "1h", "by": "address"}})
        codes = []
        for peer in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
            async with world.calling(peer=peer) as call:
                codes.append((await call()).status_code)
        assert codes == [202, 429, 202]

    run(work)


def signed(body: bytes, secret: str, delivery: str = "d-1") -> dict[str, str]:
    made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={made}", "X-GitHub-Delivery": delivery}


HOOK = {"auth": "verify", "verify": {"type": "github", "credential": "hook"}}
SLOTS = {"hook": {"type": "custom", "scope": "organization"}}


def test_a_signed_request_starts_a_workflow_and_a_copy_of_it_starts_nothing_more(world: World) -> None:
    async def work() -> None:
        world.secret({"secret": "s3cret"})
        world.deploy(HOOK, credentials=SLOTS)
        async with world.calling() as call:
            first = await call(body=b'{"a":1}', headers=signed(b'{"a":1}', "s3cret"))
            again = await call(body=b'{"a":1}', headers=signed(b'{"a":1}', "s3cret"))
            assert first.status_code == again.status_code == 202
            assert first.json()["id"] == again.json()["id"]
            refused(await call(body=b'{"a":2}', headers=signed(b'{"a":1}', "s3cret")), 401, "signature")
            refused(await call(body=b'{"a":1}'), 401, "signature")
            other = await call(body=b'{"a":1}', headers=signed(b'{"a":1}', "s3cret", "d-2"))
            assert other.json()["id"] != first.json()["id"]
        assert count(world) == 2

    run(work)


def test_two_secrets_are_good_while_one_replaces_the_other(world: World) -> None:
    async def work() -> None:
        world.secret({"secret": "old"})
        world.deploy(HOOK, credentials=SLOTS)
        async with world.calling() as call:

            async def codes() -> list[int]:
                found = []
                for secret in ("old", "new"):
                    headers = signed(b"{}", secret, delivery=secret)
                    found.append((await call(body=b"{}", headers=headers)).status_code)
                return found

            assert await codes() == [202, 401]
            world.secret({"secrets": ["new", "old"]})
            assert await codes() == [202, 202]
            world.secret({"secret": "new"})
            assert await codes() == [401, 202]

    run(work)


def test_slack_gets_its_challenge_back_and_nothing_starts(world: World) -> None:
    async def work() -> None:
        world.secret({"secret": "s3cret"})
        world.deploy({"auth": "verify", "verify": {"type": "slack", "credential": "hook"}}, credentials=SLOTS)
        body = b'{"type":"url_verification","challenge":"3eZbrw1a"}'
        at = f"{world.clock().timestamp():.0f}"
        made = hmac.new(b"s3cret", b"v0:" + at.encode() + b":" + body, hashlib.sha256).hexdigest()
        headers = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={made}"}
        async with world.calling() as call:
            answer = await call(body=body, headers=headers)
            assert (answer.status_code, answer.text) == (200, "3eZbrw1a")
            refused(await call(body=body), 401, "signature")
        assert count(world) == 0

    run(work)


def test_no_request_fails_while_versions_are_switched(world: World) -> None:
    async def work() -> None:
        world.deploy({"auth": "none"}, title="version 0")
        stop = asyncio.Event()
        codes: list[int] = []
        async with world.calling() as call:

            async def keep_calling() -> None:
                while not stop.is_set():
                    codes.append((await call(body={})).status_code)

            callers = [asyncio.create_task(keep_calling()) for _ in range(4)]
            for number in range(1, 5):
                await asyncio.to_thread(world.deploy, {"auth": "none"}, title=f"version {number}")
            stop.set()
            await asyncio.gather(*callers)
        assert set(codes) == {202}
        versions = {view.version for view in list_executions(world.platform, ORGANIZATION, limit=1000).items}
        assert len(versions) > 1

    run(work)


def test_who_waits_hears_of_a_cancelled_execution(world: World) -> None:
    async def work() -> None:
        world.deploy({"auth": "none", "response": "sync"})
        async with world.calling() as call:
            waiting = asyncio.create_task(call())
            while not (found := list_executions(world.platform, ORGANIZATION).items):
                await asyncio.sleep(0.01)
            executions.cancel(world.platform, found[0].id, actor="tests")
            refused(await waiting, 409, "execution-cancelled")

    run(work)


def test_who_waits_when_the_server_stops_is_told_where_to_ask(world: World) -> None:
    async def work() -> None:
        world.deploy(
            {"auth": "none", "response": "sync"},
            {"id": "s", "path": "/s", "auth": "none", "response": "stream"},
        )
        async with world.calling() as call:
            waiting = [asyncio.create_task(call()), asyncio.create_task(call("/s"))]
            while count(world) < 2:
                await asyncio.sleep(0.01)
            call.ending.set()
            answer, streamed = await asyncio.gather(*waiting)
        assert (answer.status_code, answer.json()["status"]) == (202, "running")
        assert "event: status" in streamed.text and "event: end" not in streamed.text

    run(work)
