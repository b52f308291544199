"""Queues of real brokers: what is taken is the broker's until it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import free_port

from caseway_runner import Policy
from caseway_runner.errors import Fault
from caseway_runner.queues.opening import consume
from caseway_runner.queues.queue import Queue, QueueMessage, Source
from queue_brokers import KINDS, Broker, opened

WAIT = 60.0


@pytest.fixture(scope="module", params=KINDS)
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with opened(request.param, tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture
def address(broker: Broker, request: pytest.FixtureRequest) -> str:
    name = broker.address(request.node.name.partition("[")[0].replace("test_", "").replace("_", "-"))
    broker.prepare(name)
    return name


def a_queue(broker: Broker, address: str, **changes: Any) -> Queue:
    values = {
        "type": broker.type,
        "url": broker.url,
        "kind": broker.kind,
        "address": address,
        "group": f"caseway-{abs(hash(address)) % 10**12}",
        "login": broker.login,
        "options": broker.options,
        **changes,
    }
    return Queue(**values)


def within(queue: Queue, work: Callable[[Source], Any]) -> Any:
    async def run() -> Any:
        async with consume(queue, Policy()) as source:
            return await work(source)

    return asyncio.run(run())


async def taken(source: Source, count: int) -> list[QueueMessage]:
    """So many messages, however they come."""
    found: list[QueueMessage] = []
    async with asyncio.timeout(WAIT):
        while len(found) < count:
            found += await source.take(count - len(found), 1.0)
    return found


async def all_done(source: Source, count: int) -> list[bytes]:
    found = await taken(source, count)
    for message in found:
        await source.done(message)
    return [message.content for message in found]


async def none_left(source: Source) -> list[bytes]:
    return [message.content for message in await source.take(10, 1.0)]


def test_messages_come_in_their_order(broker: Broker, address: str) -> None:
    queue = a_queue(broker, address)
    within(queue, none_left)  # the group is known now, where only those who are known are served
    broker.send(address, b"one", b"two", b"three")
    assert within(queue, lambda source: all_done(source, 3)) == [b"one", b"two", b"three"]
    assert within(queue, none_left) == []


def test_what_is_not_done_comes_again_with_the_same_id(broker: Broker, address: str) -> None:
    queue = a_queue(broker, address)
    within(queue, none_left)
    broker.send(address, b"one", b"two")

    async def leave(source: Source) -> list[QueueMessage]:
        found = await taken(source, 2)
        await source.done(found[0])
        return found

    first = within(queue, leave)
    broker.expire()
    again = within(queue, lambda source: taken(source, 1))
    assert [message.content for message in again] == [b"two"]
    assert again[0].id == first[1].id
    assert bool(again[0].id) is broker.has_ids


def test_no_more_than_asked_for_is_taken(broker: Broker, address: str) -> None:
    queue = a_queue(broker, address, prefetch=2)
    within(queue, none_left)
    broker.send(address, *(b"%d" % number for number in range(5)))

    async def some(source: Source) -> int:
        found = await taken(source, 2)
        return len(found)

    assert within(queue, some) == 2


def test_a_broker_that_is_not_there_is_a_fault(broker: Broker, address: str) -> None:
    scheme = broker.url.partition(":")[0]
    queue = a_queue(broker, address, url=f"{scheme}://127.0.0.1:{free_port()}")
    with pytest.raises(Fault) as caught:
        within(queue, none_left)
    assert caught.value.error.type.endswith("communication")


def test_an_address_of_another_kind_is_refused(broker: Broker, address: str) -> None:
    with pytest.raises(Fault, match="has no shelf"):
        within(a_queue(broker, address, kind="shelf"), none_left)


def test_a_host_that_the_policy_forbids_is_not_called(broker: Broker, address: str) -> None:
    async def run() -> None:
        async with consume(a_queue(broker, address), Policy(hosts=("elsewhere.example",))):
            raise AssertionError("it was opened")

    with pytest.raises(Fault, match="policy does not allow"):
        asyncio.run(run())


def test_a_wrong_password_is_a_fault(tmp_path: Path) -> None:
    with opened("stream", tmp_path) as broker:
        queue = a_queue(broker, "s", login={"password": "wrong"})
        with pytest.raises(Fault) as caught:
            within(queue, none_left)
    assert caught.value.error.type.endswith("communication")


def test_a_stream_entry_is_its_payload_or_its_fields(tmp_path: Path) -> None:
    with opened("stream", tmp_path) as broker:
        with broker.client() as client:
            client.xadd("s", {"payload": "p", "kind": "k"})
            client.xadd("s", {"order": "7"})
        found = within(a_queue(broker, "s"), lambda source: taken(source, 2))
    assert [(each.content, dict(each.headers)) for each in found] == [
        (b"p", {"kind": "k"}),
        (b'{"order": "7"}', {}),
    ]


def test_a_stream_may_be_taken_from_now_on(tmp_path: Path) -> None:
    with opened("stream", tmp_path) as broker:
        broker.send("s", b"old")
        queue = a_queue(broker, "s", is_from_now=True)
        assert within(queue, none_left) == []
        broker.send("s", b"new")
        assert within(queue, lambda source: all_done(source, 1)) == [b"new"]


def test_a_subject_that_no_stream_keeps_is_refused(tmp_path: Path) -> None:
    with opened("subject", tmp_path) as broker, pytest.raises(Fault, match="no stream of JetStream"):
        within(a_queue(broker, "nobody.keeps.this"), none_left)
