"""CloudEvents over HTTP: each form, who may send, and that each event counts once."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from triggers_world import World, a_migrated_file, a_world, run

from caseway.model.access import ANONYMOUS, Caller, local
from caseway.model.errors import CasewayError
from caseway.platform.executions import get_execution, list_executions
from caseway.platform.triggers.cloud_events import events_in
from caseway.server.hooks.triggers_events import events_router
from chaos.store_builders import ORGANIZATION

EVENT = {"specversion": "1.0", "id": "1", "source": "urn:shop", "type": "com.acme.paid", "data": {"n": 7}}
PAID = {"id": "paid", "type": "event", "filter": {"type": "com.acme.paid"}}
STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}
BATCH = {"content-type": "application/cloudevents-batch+json"}


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_migrated_file(tmp_path_factory.mktemp("migrated"))


@pytest.fixture
def world(tmp_path: Path, migrated: Path) -> Iterator[World]:
    made = a_world(tmp_path, migrated)
    made.deploy(PAID)
    yield made
    made.platform.close()


@asynccontextmanager
async def sending(world: World, caller: Caller | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the door for events, as that caller."""
    app = FastAPI(openapi_url=None)
    who = caller or local(ORGANIZATION, "ann")

    def caller_of(_request: Request) -> Caller:
        return who

    app.include_router(events_router(world.platform, caller_of))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://caseway.test") as client:
        yield client


def started(world: World) -> list[Any]:
    return [view.input for view in reversed(list_executions(world.platform, ORGANIZATION).items)]


def send(world: World, caller: Caller | None = None, **request: Any) -> httpx.Response:
    found: list[httpx.Response] = []

    async def work() -> None:
        async with sending(world, caller) as client:
            found.append(await client.post("/hooks/events", **request))

    run(work)
    return found[0]


def test_a_structured_event_starts_what_its_trigger_waits_for(world: World) -> None:
    answer = send(world, content=json.dumps(EVENT), headers=STRUCTURED)
    (told,) = answer.json()["events"]
    assert (answer.status_code, told["isNew"], len(told["started"])) == (202, True, 1)
    view = get_execution(world.platform, told["started"][0])
    assert (view.trigger, view.trigger_id, view.actor) == ("event", "paid", "local:ann")
    assert view.input[0]["data"] == {"n": 7}


def test_an_event_of_another_type_starts_nothing(world: World) -> None:
    answer = send(world, content=json.dumps({**EVENT, "type": "com.acme.sent"}), headers=STRUCTURED)
    assert answer.json()["events"][0]["started"] == []


def test_a_binary_event_has_its_attributes_in_headers(world: World) -> None:
    headers = {f"ce-{name}": str(value) for name, value in EVENT.items() if name != "data"}
    headers |= {"ce-subject": "Euro%20%E2%82%AC", "content-type": "application/json"}
    assert send(world, content=b'{"n": 7}', headers=headers).status_code == 202
    (event,) = started(world)[0]
    assert (event["subject"], event["data"]) == ("Euro €", {"n": 7})
    assert event["datacontenttype"] == "application/json"


@pytest.mark.parametrize(
    ("kind", "body", "member", "expected"),
    [
        ("text/plain", b"hello", "data", "hello"),
        ("application/octet-stream", b"\xff\x00", "data_base64", base64.b64encode(b"\xff\x00").decode()),
        ("text/plain", b"\xff\x00", "data_base64", base64.b64encode(b"\xff\x00").decode()),
        ("application/vnd.acme+json", b"[1]", "data", [1]),
    ],
)
def test_the_data_of_a_binary_event_is_what_its_type_says(
    kind: str, body: bytes, member: str, expected: Any
) -> None:
    headers = {f"ce-{name}": str(value) for name, value in EVENT.items() if name != "data"}
    (event,) = events_in({**headers, "content-type": kind}, body)
    assert event[member] == expected


def test_a_batch_is_taken_in_its_order_all_or_none(world: World) -> None:
    events = [{**EVENT, "id": str(number), "data": number} for number in range(3)]
    assert send(world, content=json.dumps(events), headers=BATCH).status_code == 202
    assert [given[0]["data"] for given in started(world)] == [0, 1, 2]
    broken = [{**EVENT, "id": "9"}, {**EVENT, "id": ""}]
    answer = send(world, content=json.dumps(broken), headers=BATCH)
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == ["/1/id"]
    assert len(started(world)) == 3


def test_the_same_source_and_id_is_one_event(world: World) -> None:
    for number in range(3):
        answer = send(world, content=json.dumps(EVENT), headers=STRUCTURED)
        assert answer.json()["events"][0]["isNew"] is (number == 0)
    twice = send(world, content=json.dumps([{**EVENT, "id": "2"}] * 2), headers=BATCH)
    assert [each["isNew"] for each in twice.json()["events"]] == [True, False]
    other = send(world, content=json.dumps({**EVENT, "source": "urn:other"}), headers=STRUCTURED)
    assert other.json()["events"][0]["isNew"] is True
    assert len(started(world)) == 3


def test_an_event_that_comes_many_times_at_once_counts_once(world: World) -> None:
    async def work() -> None:
        async with sending(world) as client:
            await asyncio.gather(
                *(
                    client.post("/hooks/events", content=json.dumps(EVENT), headers=STRUCTURED)
                    for _ in range(10)
                )
            )

    run(work)
    assert len(started(world)) == 1


@pytest.mark.parametrize(
    ("caller", "status"),
    [
        (ANONYMOUS, 401),
        (Caller(ORGANIZATION, "instance", id="i", scopes=("trigger",)), 403),
        (Caller(ORGANIZATION, "user", name="bob", organization_role="member", scopes=("trigger",)), 403),
        (Caller(ORGANIZATION, "user", name="ann", organization_role="admin", scopes=("read",)), 403),
        (Caller(ORGANIZATION, "user", name="ann", organization_role="admin", scopes=("trigger",)), 202),
        (Caller(ORGANIZATION, "service", name="shop", scopes=("trigger",)), 202),
        (Caller(ORGANIZATION, "service", name="shop", scopes=("read",)), 403),
        (Caller(ORGANIZATION, "service", name="shop", scopes=("trigger",), project="other"), 403),
    ],
)
def test_only_who_may_start_everything_may_send_events(world: World, caller: Caller, status: int) -> None:
    answer = send(world, caller, content=json.dumps(EVENT), headers=STRUCTURED)
    assert answer.status_code == status, answer.text
    assert len(started(world)) == (1 if status == 202 else 0)


def test_an_event_reaches_only_the_senders_organization(world: World) -> None:
    caller = Caller("another", "service", name="shop", scopes=("trigger",))
    assert send(world, caller, content=json.dumps(EVENT), headers=STRUCTURED).status_code == 202
    assert started(world) == []


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({**EVENT, "id": ""}, "/id"),
        ({**EVENT, "specversion": "0.3"}, "/specversion"),
        ({**EVENT, "time": "yesterday"}, "/time"),
        ({**EVENT, "time": "2026-01-01T00:00:00"}, "/time"),
        ({**EVENT, "Upper": "x"}, "/Upper"),
        ({**EVENT, "list": [1]}, "/list"),
        ({**EVENT, "subject": 7}, "/subject"),
        ({**EVENT, "data_base64": "eA=="}, "/data"),
        ({**EVENT, "source": None}, "/source"),
    ],
)
def test_what_is_no_cloud_event_is_refused_with_the_attribute(event: Any, field: str) -> None:
    with pytest.raises(CasewayError) as caught:
        events_in(STRUCTURED, json.dumps(event).encode())
    assert field in [each.field for each in caught.value.errors]  # type: ignore[attr-defined]


@given(st.dictionaries(st.sampled_from(["content-type", "ce-specversion", "ce-id"]), st.text()), st.binary())
def test_no_request_breaks_the_reader(headers: dict[str, str], body: bytes) -> None:
    for kind in ({}, STRUCTURED, BATCH):
        try:
            events_in({**headers, **kind}, body)
        except CasewayError as error:
            assert error.code in {"event", "body", "media-type"}


def test_a_sender_that_asks_first_is_told_that_it_may(world: World) -> None:
    async def work() -> None:
        async with sending(world) as client:
            headers = {"WebHook-Request-Origin": "events.example"}
            answer = await client.options("/hooks/events", headers=headers)
        assert answer.headers["webhook-allowed-origin"] == "events.example"

    run(work)
