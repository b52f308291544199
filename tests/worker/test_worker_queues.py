"""Queue triggers on real brokers: each message starts one execution, whatever dies in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform import credentials, executions, instances, lease
from caseway.platform.compose import Platform
from caseway.platform.intake import messages, watched
from caseway.platform.journal import JournalWriter
from caseway.platform.tables import events, schedules
from caseway.platform.tables import executions as table
from caseway.platform.views import get_instance
from caseway.worker.consuming import Consumer
from caseway.worker.intake import Intake, take_in_once
from caseway.worker.pool import Pool
from caseway.worker.run import Worker
from caseway.worker.serve import serve_pool
from chaos.store_builders import (
    ORGANIZATION,
    a_document,
    a_platform,
    a_repo,
    a_resource,
    a_use_case,
    a_workflow,
    an_instance,
    deployed,
)
from queue_brokers import KINDS, Broker, opened
from runner.serving import free_port

NAME = "invoice-dev"
SECONDS = 90.0
ORDER = {"schema": {"document": {"type": "object", "required": ["order"]}}}
HEARING = a_workflow(
    "hear",
    triggers=[{"id": "told", "type": "event", "filter": {"type": messages.SET_ASIDE}, "input": "data"}],
)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with a_platform(f"sqlite:///{tmp_path / 'state.db'}") as opened_platform:
        yield opened_platform


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with opened("stream", tmp_path_factory.mktemp("redis")) as broker:
        yield broker


def a_consumer(
    platform: Platform, broker: Broker, address: str, *others: Any, document: Any = None, **trigger: Any
) -> None:
    """An instance that takes the messages of a broker's address."""
    told = {"id": "orders", "type": "queue", "connection": "broker", broker.kind: address, **trigger}
    workflow = a_workflow(triggers=[told], definition=document or a_document("main", input=ORDER))
    options = dict(broker.options)
    connection = a_resource("broker", type=broker.type, url=broker.url, credential="broker", options=options)
    case = a_use_case(workflows=[workflow, *others], connections=["broker"])
    credentials.set_credential(
        platform, ORGANIZATION, "broker", dict(broker.login) or {"none": ""}, actor="ann"
    )
    deployed(platform, a_repo(case, an_instance(), connections=(connection,)))


def rows(platform: Platform) -> list[Any]:
    with platform.database.reading() as connection:
        return list(
            connection.execute(sa.select(table).where(table.c.trigger == "queue").order_by(table.c.id))
        )


def orders(platform: Platform) -> list[Any]:
    return [row.input["order"] for row in rows(platform)]


def taken_once(platform: Platform) -> int:
    with JournalWriter(platform.database) as writer:
        return asyncio.run(take_in_once(Worker(platform, writer)))


def serving(platform: Platform, is_so: Callable[[], Any]) -> None:
    """Let a worker serve until that is so."""

    async def run() -> None:
        stop = asyncio.Event()
        with JournalWriter(platform.database) as writer:
            work = asyncio.create_task(serve_pool(Pool(Worker(platform, writer)), stop=stop))
            async with asyncio.timeout(SECONDS):
                while not await asyncio.to_thread(is_so) and not work.done():
                    await asyncio.sleep(0.05)
            stop.set()
            await work

    asyncio.run(run())


def told(platform: Platform) -> dict[str, Any]:
    """The queue trigger as people see it."""
    view = get_instance(platform, ORGANIZATION, NAME)
    return next(dict(each) for each in view.workflows[-1].triggers if each["type"] == "queue")


def set_aside(platform: Platform) -> list[Any]:
    with platform.database.reading() as connection:
        found = connection.scalars(sa.select(events.c.event).where(events.c.type == messages.SET_ASIDE))
        return [event["data"] for event in found]


@pytest.mark.parametrize("kind", KINDS)
def test_each_message_starts_one_execution_that_runs(kind: str, platform: Platform, tmp_path: Path) -> None:
    with opened(kind, tmp_path) as broker:
        address = broker.address("orders")
        broker.prepare(address)
        a_consumer(platform, broker, address)
        taken_once(platform)  # the broker knows the session, where it serves only those it knows
        broker.send(address, *(json.dumps({"order": number}).encode() for number in range(5)))

        def is_done() -> bool:
            return [row.status for row in rows(platform)] == ["completed"] * 5

        serving(platform, is_done)
        assert sorted(orders(platform)) == [0, 1, 2, 3, 4]
        assert taken_once(platform) == 0
    shown = executions.get_execution(platform, rows(platform)[0].id)
    assert (shown.trigger, shown.trigger_id, shown.actor) == ("queue", "orders", "queue")


@pytest.mark.parametrize("kind", ["stream", "list", "queue", "subject"])
def test_a_message_whose_acknowledgement_was_lost_starts_no_second_execution(
    kind: str, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(kind, tmp_path) as broker:
        address = broker.address("orders")
        broker.prepare(address)
        a_consumer(platform, broker, address)
        broker.send(address, b'{"order": 1}', b'{"order": 2}')
        settle = Consumer._settle

        async def dying(self: Consumer, _source: Any, taken: Any, validator: Any) -> None:
            class Gone:
                async def done(self, _message: Any) -> None:
                    raise CasewayError("the process died here", code="not-active")

            await settle(self, Gone(), taken, validator)  # type: ignore[arg-type] # a stand-in that dies

        with monkeypatch.context() as patched:
            patched.setattr(Consumer, "_settle", dying)
            taken_once(platform)
        assert orders(platform)  # stored, and not acknowledged
        broker.expire()
        serving(platform, lambda: sorted(orders(platform)) == [1, 2])
        broker.expire()
        taken_once(platform)
        assert sorted(orders(platform)) == [1, 2]


def test_the_key_tells_messages_apart_that_have_no_ids(platform: Platform, tmp_path: Path) -> None:
    with opened("topic", tmp_path) as broker:
        a_consumer(platform, broker, "orders", key="${ .payload.order }")
        taken_once(platform)
        broker.send("orders", b'{"order": 1}', b'{"order": 1}', b'{"order": 2}')
        serving(platform, lambda: len(rows(platform)) == 2 and taken_once(platform) == 0)
    assert sorted(orders(platform)) == [1, 2]


def test_a_message_that_cannot_start_anything_is_set_aside_with_a_notice(
    platform: Platform, stream: Broker
) -> None:
    a_consumer(platform, stream, "aside", HEARING, attempts=2)
    stream.send("aside", b"no JSON", b'{"order": 7}', b'{"orders": 8}')
    serving(platform, lambda: len(set_aside(platform)) == 2)

    assert orders(platform) == [7]  # what is bad stops nothing behind it
    texts = {data["message"]: data["error"] for data in set_aside(platform)}
    assert set(texts) == {"no JSON", '{"orders": 8}'}
    assert all("does not fit the input of the workflow" in text for text in texts.values())
    with platform.database.reading() as connection:
        started = connection.scalars(sa.select(table.c.workflow).where(table.c.trigger == "event")).all()
    assert list(started) == ["hear", "hear"]
    with stream.client() as client:
        groups = client.xinfo_groups("aside")
    assert [group["pending"] for group in groups] == [0]
    assert told(platform)["setAside"] == 2


def test_a_notice_does_not_tell_the_secrets_of_the_instance(platform: Platform, stream: Broker) -> None:
    a_consumer(platform, stream, "telling", attempts=1)
    secret = "another-word-that-opens-it"
    login = {**stream.login, "token": secret}
    credentials.set_credential(platform, ORGANIZATION, "broker", login, actor="ann")
    stream.send("telling", json.dumps({"found": secret}).encode())
    taken_once(platform)
    assert [data["message"] for data in set_aside(platform)] == ['{"found": "***"}']


def test_tries_are_counted_across_workers(platform: Platform, stream: Broker) -> None:
    a_consumer(platform, stream, "tries", attempts=3)
    stream.send("tries", b"[]")
    source = watched.queues(platform)[0]
    letter = messages.Letter("1", None, "it is bad", "[]")
    counts = []
    for _ in range(3):
        held = watched.take_lease(platform, source)
        assert held is not None
        counts.append(messages.take(platform, held, source, [letter])[0].attempt)
        lease.release(platform, held)
    assert counts == [1, 2, 3]


def test_two_workers_take_each_message_once(reopen_two: tuple[Platform, Platform], stream: Broker) -> None:
    one, other = reopen_two
    a_consumer(one, stream, "shared")
    stream.send("shared", *(json.dumps({"order": number}).encode() for number in range(40)))

    async def run() -> None:
        stop = asyncio.Event()
        with JournalWriter(one.database) as first, JournalWriter(other.database) as second:
            workers = [Worker(one, first), Worker(other, second)]
            parts = [asyncio.create_task(serve_pool(Pool(worker), stop=stop)) for worker in workers]
            async with asyncio.timeout(SECONDS):
                while len(await asyncio.to_thread(rows, one)) < 40:
                    await asyncio.sleep(0.05)
            stop.set()
            await asyncio.gather(*parts)

    asyncio.run(run())
    assert sorted(orders(one)) == list(range(40))


@pytest.fixture
def reopen_two(tmp_path: Path) -> Iterator[tuple[Platform, Platform]]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with a_platform(url, holder="one@here:0") as one, a_platform(url, holder="two@there:0") as other:
        yield one, other


def test_one_process_has_the_lease_of_a_queue(reopen_two: tuple[Platform, Platform], stream: Broker) -> None:
    one, other = reopen_two
    a_consumer(one, stream, "leased")
    source = watched.queues(one)[0]
    assert watched.take_lease(one, source) is not None
    assert watched.take_lease(other, source) is None


def test_what_is_stored_under_a_lost_lease_is_undone(platform: Platform, stream: Broker) -> None:
    a_consumer(platform, stream, "lost")
    source = watched.queues(platform)[0]
    held = watched.take_lease(platform, source)
    assert held is not None
    letter = messages.Letter("1", {"order": 1}, "", "")
    with pytest.raises(CasewayError) as caught:
        messages.take(platform, replace(held, token=held.token - 1), source, [letter])
    assert caught.value.code == "lease-lost" and rows(platform) == []


def test_no_more_than_prefetch_is_under_way(platform: Platform, stream: Broker) -> None:
    a_consumer(platform, stream, "many", prefetch=3)
    stream.send("many", *(json.dumps({"order": number}).encode() for number in range(10)))
    taken_once(platform)  # nothing runs them, so they stay pending
    assert sorted(orders(platform)) == [0, 1, 2]
    with stream.client() as client:
        assert client.xinfo_groups("many")[0]["lag"] == 7


def test_a_paused_instance_leaves_its_messages_with_the_broker(platform: Platform, stream: Broker) -> None:
    a_consumer(platform, stream, "paused")
    instances.pause(platform, ORGANIZATION, NAME, actor="ann")
    stream.send("paused", b'{"order": 1}')
    assert taken_once(platform) == 0
    instances.resume(platform, ORGANIZATION, NAME, actor="ann")
    assert taken_once(platform) == 1


def test_a_consumer_lets_go_when_its_instance_is_paused(platform: Platform, stream: Broker) -> None:
    a_consumer(platform, stream, "letting")

    async def run() -> None:
        with JournalWriter(platform.database) as writer:
            intake = Intake(Worker(platform, writer))
            await intake.look()
            await asyncio.to_thread(instances.pause, platform, ORGANIZATION, NAME, actor="ann")
            await intake.look()
            async with asyncio.timeout(SECONDS):
                await intake.settled()

    asyncio.run(run())


def test_a_broker_that_is_away_shows_in_the_instance_until_it_is_back(
    platform: Platform, stream: Broker
) -> None:
    away = Broker("redis", "stream", free_port(), login={"password": "pw"})
    a_consumer(platform, away, "away")
    assert taken_once(platform) == 0
    view = get_instance(platform, ORGANIZATION, NAME)
    assert view.conditions == ("TriggerFailing(main/orders)",)
    shown = told(platform)
    assert (shown["failures"], "redis://127.0.0.1" in shown["error"]) == (1, True)

    a_consumer(platform, stream, "away")
    taken_once(platform)
    assert get_instance(platform, ORGANIZATION, NAME).conditions == ()


def test_errors_do_not_tell_the_password(platform: Platform, stream: Broker) -> None:
    a_consumer(platform, stream, "hidden")
    secret = "a-password-nobody-should-read"
    credentials.set_credential(platform, ORGANIZATION, "broker", {"password": secret}, actor="ann")
    taken_once(platform)
    with platform.database.reading() as connection:
        state = connection.scalar(sa.select(schedules.c.state))
    assert state["error"] and secret not in json.dumps(state)


def test_a_queue_asks_for_its_first_messages_as_it_is_told(platform: Platform, stream: Broker) -> None:
    stream.send("before", b'{"order": 1}')
    a_consumer(platform, stream, "before", first="skip")
    assert taken_once(platform) == 0
    stream.send("before", b'{"order": 2}')
    assert taken_once(platform) == 1 and orders(platform) == [2]


def test_the_whole_message_may_be_the_input(platform: Platform, stream: Broker) -> None:
    a_consumer(platform, stream, "whole", input="message", document=a_document("main"))
    with stream.client() as client:
        client.xadd("whole", {"payload": b'{"order": 1}', "kind": "new"})
    taken_once(platform)
    given = rows(platform)[0].input
    assert (given["payload"], given["headers"]) == ({"order": 1}, {"kind": "new"}) and given["id"]


def test_a_new_version_goes_on_where_the_one_before_was(platform: Platform, stream: Broker) -> None:
    a_consumer(platform, stream, "versions")
    stream.send("versions", b'{"order": 1}')
    taken_once(platform)
    stream.send("versions", b'{"order": 2}')
    a_consumer(platform, stream, "versions", title="another version")
    taken_once(platform)
    assert orders(platform) == [1, 2]


def test_leases_of_sources_that_are_no_more_are_forgotten(platform: Platform, stream: Broker) -> None:
    a_consumer(platform, stream, "leases")
    taken_once(platform)
    assert watched.forget_leases(platform) == 0
    with platform.database.writing() as connection:
        connection.execute(sa.delete(schedules))
    assert watched.forget_leases(platform) == 1
