"""`call: asyncapi` over real brokers, which the tests start themselves on free ports."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from running import ERRORS, VirtualClock, a_workflow, journal_of, run
from running import server as serving_page
from serving import asgi, broker, free_port, rabbit, wait_until

from caseway_runner import MemoryJournal, Outcome, Policy, Status, StubAnswer, StubCall, problems
from caseway_runner.yaml_text import read_yaml

aio_pika = pytest.importorskip("aio_pika", reason="the extra caseway[asyncapi] is not installed")
redis = pytest.importorskip("redis", reason="the extra caseway[asyncapi] is not installed")
nats = pytest.importorskip("nats", reason="the extra caseway[asyncapi] is not installed")
mqtt = pytest.importorskip("paho.mqtt.client", reason="the extra caseway[asyncapi] is not installed")
websockets = pytest.importorskip(
    "websockets.sync.server", reason="the extra caseway[asyncapi] is not installed"
)

Heard = Callable[[], tuple[bytes, dict[str, str]]]
EVENT = {"type": "com.example.read", "source": "https://example.com", "data": "${ .n }"}
ENOUGH = 120.0  # seconds after which something hangs
PROTOCOLS = ["amqp", "redis", "mqtt", "mqtt5", "nats"]


class Peer:
    """Another client of the same broker, by the protocol's own library."""

    protocol = ""

    def __init__(self, port: int) -> None:
        self.port = port

    def send(self, address: str, content: bytes) -> None:
        raise NotImplementedError

    def listening(self, address: str) -> AbstractContextManager[Heard]:
        raise NotImplementedError


class RedisPeer(Peer):
    protocol = "redis"

    def send(self, address: str, content: bytes) -> None:
        with redis.Redis(port=self.port, password="pw") as client:
            client.publish(address, content)

    @contextmanager
    def listening(self, address: str) -> Iterator[Heard]:
        with redis.Redis(port=self.port, password="pw") as client, client.pubsub() as listener:
            listener.subscribe(address)
            assert listener.get_message(timeout=ENOUGH)["type"] == "subscribe"
            yield lambda: (listener.get_message(timeout=ENOUGH)["data"], {})


class MqttPeer(Peer):
    protocol, version = "mqtt", mqtt.MQTTv311

    @contextmanager
    def _client(self) -> Iterator[Any]:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=self.version)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        try:
            yield client
        finally:
            client.disconnect()
            client.loop_stop()

    def send(self, address: str, content: bytes) -> None:
        with self._client() as client:
            client.publish(address, content, qos=1).wait_for_publish(ENOUGH)

    @contextmanager
    def listening(self, address: str) -> Iterator[Heard]:
        heard: queue.Queue[Any] = queue.Queue()
        ready = threading.Event()
        with self._client() as client:
            client.on_subscribe = lambda *_: ready.set()
            client.on_message = lambda _client, _data, message: heard.put(message)
            client.subscribe(address, qos=1)
            assert ready.wait(ENOUGH)

            def get() -> tuple[bytes, dict[str, str]]:
                message = heard.get(timeout=ENOUGH)
                return message.payload, dict(getattr(message.properties, "UserProperty", ()))

            yield get


class Mqtt5Peer(MqttPeer):
    protocol, version = "mqtt5", mqtt.MQTTv5


class NatsPeer(Peer):
    protocol = "nats"

    def send(self, address: str, content: bytes) -> None:
        async def work() -> None:
            client = await nats.connect(f"nats://127.0.0.1:{self.port}", token="pw")
            await client.publish(address, content)
            await client.drain()

        asyncio.run(work())

    @contextmanager
    def listening(self, address: str) -> Iterator[Heard]:
        heard: queue.Queue[Any] = queue.Queue()
        ready = threading.Event()

        async def work() -> None:
            client = await nats.connect(f"nats://127.0.0.1:{self.port}", token="pw")
            subscription = await client.subscribe(address)
            await client.flush()
            ready.set()
            message = await subscription.next_msg(ENOUGH)
            heard.put((message.data, dict(message.headers or {})))
            await client.close()

        thread = threading.Thread(target=lambda: asyncio.run(work()), daemon=True)
        thread.start()
        assert ready.wait(ENOUGH)
        yield lambda: heard.get(timeout=ENOUGH)
        thread.join(ENOUGH)


class AmqpPeer(Peer):
    """By default over an exchange, so that what nobody listens to is gone; by the queue's name with ""."""

    protocol = "amqp"

    def __init__(self, port: int, exchange: str = "amq.topic") -> None:
        super().__init__(port)
        self.exchange = exchange

    def _work(self, work: Callable[[Any], Any]) -> Any:
        async def connected() -> Any:
            async with await aio_pika.connect(port=self.port) as connection:
                return await work(await connection.channel())

        return asyncio.run(connected())

    def send(self, address: str, content: bytes) -> None:
        async def work(channel: Any) -> None:
            exchange = channel.default_exchange
            if self.exchange:
                exchange = await channel.get_exchange(self.exchange)
            await exchange.publish(aio_pika.Message(content), address, mandatory=not self.exchange)

        self._work(work)

    def declare(self, name: str) -> None:
        self._work(lambda channel: channel.declare_queue(name, durable=True))

    def left(self, name: str) -> list[Any]:
        """What the queue has, in order."""

        async def work(channel: Any) -> list[Any]:
            found, queue = [], await channel.get_queue(name)
            while (message := await queue.get(fail=False, no_ack=True)) is not None:
                found.append(message)
            return found

        return list(self._work(work))

    @contextmanager
    def listening(self, address: str) -> Iterator[Heard]:
        async def bound(channel: Any) -> None:
            queue = await channel.declare_queue("heard", durable=True)
            await queue.bind(self.exchange, address)

        self._work(bound)

        def get() -> tuple[bytes, dict[str, str]]:
            (message,) = self.left("heard")
            return message.body, message.headers

        yield get
        self._work(lambda channel: channel.queue_delete("heard"))


@pytest.fixture(scope="module")
def amqp_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with rabbit(tmp_path_factory.mktemp("amqp")) as port:
        yield port


@pytest.fixture(scope="module")
def redis_port() -> Iterator[int]:
    port = free_port()
    command = [
        "redis-server",
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--requirepass",
        "pw",
    ]
    with broker(command, port):
        yield port


@pytest.fixture(scope="module")
def mqtt_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port, file = free_port(), tmp_path_factory.mktemp("mqtt") / "mosquitto.conf"
    file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    with broker(["mosquitto", "-c", str(file)], port):
        yield port


@pytest.fixture(scope="module")
def nats_port() -> Iterator[int]:
    port = free_port()
    with broker(["nats-server", "-a", "127.0.0.1", "-p", str(port), "--auth", "pw"], port):
        yield port


@pytest.fixture(params=PROTOCOLS)
def peer(request: pytest.FixtureRequest) -> Peer:
    kinds = {kind.protocol: kind for kind in (AmqpPeer, RedisPeer, MqttPeer, Mqtt5Peer, NatsPeer)}
    fixture = {"amqp": "amqp_port", "redis": "redis_port", "nats": "nats_port"}.get(
        request.param, "mqtt_port"
    )
    return kinds[request.param](request.getfixturevalue(fixture))


@pytest.fixture
def redis_peer(redis_port: int) -> Peer:
    return RedisPeer(redis_port)


def a_document(protocol: str, port: int) -> dict[str, Any]:
    """An AsyncAPI 3 document: a sensor's readings, whose id is in the payload."""
    return {
        "asyncapi": "3.0.0",
        "servers": {
            "kafka": {"host": "localhost:9092", "protocol": "kafka"},
            "main": {
                "host": "127.0.0.1:{port}",
                "protocol": protocol,
                "variables": {"port": {"default": str(port)}},
            },
        },
        "channels": {
            "readings": {
                "address": "{room}.readings",
                "parameters": {"room": {"default": "hall"}},
                "servers": [{"$ref": "#/servers/main"}],
                "bindings": {"amqp": {"is": "routingKey", "exchange": {"name": "amq.topic"}}},
                "messages": {"reading": {"$ref": "#/components/messages/reading"}},
            }
        },
        "operations": {"read": {"action": "send", "channel": {"$ref": "#/channels/readings"}}},
        "components": {"messages": {"reading": {"correlationId": {"location": "$message.payload#/id"}}}},
    }


def calling(name: str = "c", **call: Any) -> dict[str, Any]:
    call = {"document": {"endpoint": "file:///events.json"}, "operation": "read", **call}
    return {
        name: {"call": "asyncapi", "with": {key: value for key, value in call.items() if value is not None}}
    }


def execute(
    peer: Peer, task: dict[str, Any], input: Any = None, document: Any = None, **ports: Any
) -> Outcome:
    text = json.dumps(document or a_document(peer.protocol, peer.port)).encode()
    return run(a_workflow(task), input, files={"events.json": text}.__getitem__, **ports)


def signed(peer: Peer) -> dict[str, Any]:
    needs = peer.protocol in ("redis", "nats")
    return {"authentication": {"bearer": {"token": "pw"}}} if needs else {}


@contextmanager
def sending(peer: Peer, address: str = "hall.readings") -> Iterator[None]:
    """Meanwhile, another client sends {"id": "n0", "n": 0}, {"id": "n1", "n": 1}, …"""
    done = threading.Event()

    def work() -> None:
        n = 0
        while not done.wait(0.03):
            peer.send(address, json.dumps({"id": f"n{n}", "n": n}).encode())
            n += 1

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    done.set()
    thread.join(ENOUGH)


def test_a_message_is_published(peer: Peer) -> None:
    headers = {"who": "me"} if peer.protocol in ("amqp", "mqtt5", "nats") else {}
    message = {"payload": {"n": "${ .n }", "text": "grün"}, "headers": headers}
    with peer.listening("hall.readings") as heard:
        outcome = execute(peer, calling(message=message, **signed(peer)), {"n": 7})
        assert outcome.status is Status.COMPLETED, outcome.error
        content, got = heard()
    assert json.loads(content) == {"n": 7, "text": "grün"}
    assert got.items() >= headers.items()
    assert outcome.output == {"payload": {"n": 7, "text": "grün"}, "headers": headers}


def test_as_many_messages_are_taken_as_wanted(peer: Peer) -> None:
    with sending(peer):
        outcome = execute(peer, calling(subscription={"consume": {"amount": 3}}, **signed(peer)))
    assert outcome.status is Status.COMPLETED, outcome.error
    numbers = [message["payload"]["n"] for message in outcome.output]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
    assert [message["correlationId"] for message in outcome.output] == [f"n{n}" for n in numbers]


def test_a_broker_that_is_not_there_is_a_communication_error(peer: Peer) -> None:
    document = a_document(peer.protocol, free_port())
    for call in ({"message": {"payload": {}}}, {"subscription": {"consume": {"amount": 1}}}):
        outcome = execute(peer, calling(**call), document=document)
        assert outcome.error is not None and outcome.error.type == ERRORS + "communication"


def test_a_wrong_password_is_a_communication_error(redis_port: int, nats_port: int) -> None:
    for peer in (RedisPeer(redis_port), NatsPeer(nats_port)):
        wrong = {"basic": {"username": "u", "password": "wrong"}}
        outcome = execute(peer, calling(message={"payload": {}}, authentication=wrong))
        assert outcome.error is not None and outcome.error.type == ERRORS + "communication"
        assert "wrong" not in outcome.error.detail.replace("WRONGPASS", "")


def test_variables_of_the_server_fill_its_address_and_the_channels(redis_peer: Peer) -> None:
    server = {"name": "main", "variables": {"room": "${ .room }", "port": str(redis_peer.port)}}
    document = a_document("redis", 1)
    with redis_peer.listening("attic.readings") as heard:
        call = calling(message={"payload": {"x": 1}}, server=server, **signed(redis_peer))
        assert execute(redis_peer, call, {"room": "attic"}, document).status is Status.COMPLETED
        assert json.loads(heard()[0]) == {"x": 1}


def test_version_2_documents_name_the_channel(redis_peer: Peer) -> None:
    document = {
        "asyncapi": "2.6.0",
        "servers": {
            "main": {
                "url": "redis://127.0.0.1:{port}",
                "protocol": "redis",
                "variables": {"port": {"default": redis_peer.port}},
            }
        },
        "channels": {"/readings": {"subscribe": {"operationId": "onReading", "message": {"payload": {}}}}},
    }
    for named in ({"channel": "/readings", "operation": None}, {"operation": "onReading"}):
        with redis_peer.listening("/readings") as heard:
            call = calling(message={"payload": {"v": 2}}, **named, **signed(redis_peer))
            outcome = execute(redis_peer, call, document=document)
            assert outcome.status is Status.COMPLETED, outcome.error
            assert json.loads(heard()[0]) == {"v": 2}


def subscribing(peer: Peer, **subscription: Any) -> dict[str, Any]:
    return calling(subscription=subscription, **signed(peer))


def test_a_filter_chooses_messages(redis_peer: Peer) -> None:
    task = subscribing(redis_peer, filter="${ .payload.n % 2 == 0 }", consume={"amount": 2})
    with sending(redis_peer):
        outcome = execute(redis_peer, task)
    assert [message["payload"]["n"] % 2 for message in outcome.output] == [0, 0]


@pytest.mark.parametrize("consume", [{"until": "${ length == 2 }"}, {"while": "${ length < 2 }"}])
def test_conditions_see_the_messages_so_far(redis_peer: Peer, consume: dict[str, str]) -> None:
    with sending(redis_peer):
        outcome = execute(redis_peer, subscribing(redis_peer, consume=consume))
    assert len(outcome.output) == 2


def test_a_condition_that_holds_before_the_first_message_takes_none(redis_peer: Peer) -> None:
    assert execute(redis_peer, subscribing(redis_peer, consume={"until": "${ true }"})).output == []


def test_the_period_ends_the_subscription(peer: Peer) -> None:
    for seconds in (0.3, 3, 30):  # until it is long enough for a message to arrive
        period = {"milliseconds": int(seconds * 1000)}
        task = subscribing(peer, consume={"while": "${ true }", "for": period})
        with sending(peer):
            outcome = execute(peer, task)
        assert outcome.status is Status.COMPLETED
        if outcome.output:
            break
    assert outcome.output
    silent = execute(peer, task)
    assert (silent.status, silent.output) == (Status.COMPLETED, [])


def test_foreach_runs_tasks_with_each_message(redis_peer: Peer) -> None:
    foreach = {
        "item": "message",
        "at": "i",
        "do": [{"mark": {"set": {"double": "${ $message.payload.n * 2 }", "i": "${ $i }"}}}],
        "output": {"as": "${ {i, double, n: $message.payload.n} }"},
        "export": {"as": "${ {seen: (($context.seen // []) + [$output.n])} }"},
    }
    task = subscribing(redis_peer, consume={"until": "${ ($context.seen | length) == 2 }"}, foreach=foreach)
    with sending(redis_peer):
        outcome = execute(redis_peer, task)
    assert outcome.status is Status.COMPLETED, outcome.error
    assert [one["i"] for one in outcome.output] == [0, 1]
    assert all(one["double"] == 2 * one["n"] for one in outcome.output)
    assert [record.reference for record in outcome.tasks][1:] == [
        "/do/0/c/with/subscription/foreach/do/0/mark"
    ] * 2


def test_a_task_of_foreach_may_end_the_workflow(redis_peer: Peer) -> None:
    foreach = {"do": [{"stop": {"set": {"x": 1}, "then": "end"}}]}
    with sending(redis_peer):
        outcome = execute(
            redis_peer, subscribing(redis_peer, consume={"while": "${ true }"}, foreach=foreach)
        )
    assert outcome.status is Status.COMPLETED
    assert outcome.output == [{"x": 1}]


def test_an_item_that_does_not_match_its_schema_is_a_validation_error(redis_peer: Peer) -> None:
    schema = {"format": "json", "document": {"type": "string"}}
    task = subscribing(redis_peer, consume={"amount": 1}, foreach={"output": {"schema": schema}})
    with sending(redis_peer):
        outcome = execute(redis_peer, task)
    assert outcome.error is not None and outcome.error.type == ERRORS + "validation"


def test_a_subscription_cut_after_any_entry_goes_on_after_the_messages_it_had(redis_peer: Peer) -> None:
    journal = MemoryJournal()
    foreach = {"do": [{"keep": {"set": "${ .payload }"}}, {"tell": {"emit": {"event": {"with": EVENT}}}}]}
    foreach["output"] = {"as": "${ .data }"}  # type: ignore[assignment]
    task = subscribing(redis_peer, consume={"amount": 2}, foreach=foreach)
    with sending(redis_peer):
        whole = execute(redis_peer, task, journal=journal)
        assert whole.status is Status.COMPLETED, whole.error
        entries = asyncio.run(journal.recorded())
        for length in range(len(entries) + 1):
            resumed = execute(redis_peer, task, journal=journal_of(entries[:length]), clock=VirtualClock())
            had = sum(entry.kind == "received" for entry in entries[:length])
            assert resumed.status is Status.COMPLETED, resumed.error
            assert resumed.output[:had] == whole.output[:had]
            assert len(resumed.output) == 2


def test_a_timeout_of_the_task_ends_the_subscription(redis_peer: Peer) -> None:
    task = subscribing(redis_peer, consume={"amount": 1})
    task["c"]["timeout"] = {"after": {"milliseconds": 300}}
    outcome = execute(redis_peer, task)
    assert outcome.error is not None and outcome.error.type == ERRORS + "timeout"


def test_headers_where_the_protocol_has_none_are_a_configuration_error(redis_peer: Peer) -> None:
    call = calling(message={"payload": {}, "headers": {"a": "b"}}, **signed(redis_peer))
    outcome = execute(redis_peer, call)
    assert outcome.error is not None and outcome.error.type == ERRORS + "configuration"


@pytest.mark.parametrize("kind", ["message", "subscription"])
def test_the_policy_says_which_brokers_may_be_reached(redis_peer: Peer, kind: str) -> None:
    parts = {"message": {"payload": {}}, "subscription": {"consume": {"amount": 1}}}
    outcome = execute(redis_peer, calling(**{kind: parts[kind]}), policy=Policy(hosts=("127.0.0.1:80",)))
    assert outcome.error is not None and outcome.error.type == ERRORS + "authorization"


class Pages:
    """An HTTP server that streams messages and remembers what it is sent."""

    def __init__(self) -> None:
        self.port = 0
        self.posted: list[tuple[dict[str, str], Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        kinds = {
            "/events": ("text/event-stream", b'data: {"n": 1}\n\nevent: x\ndata: {"n":\ndata: 2}\n\n'),
            "/lines": ("application/x-ndjson", b'{"n": 1}\n\n{"n": 2}\n'),
            "/list": ("application/json", b'[{"n": 1}, {"n": 2}]'),
        }
        if scope["method"] == "POST":
            body = (await receive())["body"]
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            self.posted.append((headers, json.loads(body)))
        kind, content = kinds.get(scope["path"], ("application/json", b"{}"))
        headers = [(b"content-type", kind.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


@pytest.fixture(scope="module")
def pages() -> Iterator[Pages]:
    found = Pages()
    with asgi(found, free_port()) as port:
        found.port = port
        yield found


def on_the_web(protocol: str, port: int, address: str) -> dict[str, Any]:
    return {
        "asyncapi": "3.0.0",
        "servers": {"web": {"host": f"127.0.0.1:{port}", "pathname": "/", "protocol": protocol}},
        "channels": {"c": {"address": address}},
        "operations": {"read": {"action": "receive", "channel": {"$ref": "#/channels/c"}}},
    }


@pytest.mark.parametrize("address", ["events", "/lines", "list"])
def test_messages_are_read_from_a_stream_of_http(pages: Pages, address: str) -> None:
    task = calling(subscription={"consume": {"while": "${ true }"}}, protocol="http")
    outcome = execute(Peer(0), task, document=on_the_web("http", pages.port, address))
    assert outcome.status is Status.COMPLETED, outcome.error
    assert [message["payload"]["n"] for message in outcome.output] == [1, 2]


def test_a_message_is_posted_over_http(pages: Pages) -> None:
    task = calling(message={"payload": {"a": 1}, "headers": {"X-Who": "me"}})
    assert execute(Peer(0), task, document=on_the_web("http", pages.port, "in")).status is Status.COMPLETED
    headers, body = pages.posted[-1]
    assert body == {"a": 1}
    assert (headers["x-who"], headers["idempotency-key"]) == ("me", "run-1:/do/0/c")


class Chat:
    """A WebSocket server: sends three frames to readers of its feed, remembers what it gets."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str | None, Any]] = []

    def __call__(self, socket: Any) -> None:
        for n in range(3 if socket.request.path == "/feed" else 0):
            socket.send(json.dumps({"n": n}))
        if socket.request.path == "/notifications" and "authorization" not in socket.request.headers:
            for correlation in ("u1", "other") * 7:
                sender = {"firstName": "Ann", "lastName": "Lee"}
                socket.send(json.dumps({"correlation": correlation, "from": sender}))
            return
        for frame in socket:
            self.heard.append((socket.request.path, socket.request.headers.get("authorization"), frame))


@pytest.fixture(scope="module")
def chat() -> Iterator[tuple[int, Chat]]:
    port, handler = free_port(), Chat()
    with websockets.serve(handler, "127.0.0.1", port) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield port, handler
        server.shutdown()
        thread.join(ENOUGH)


def test_messages_are_read_from_a_web_socket(chat: tuple[int, Chat]) -> None:
    task = calling(subscription={"consume": {"amount": 2}}, protocol="ws")
    outcome = execute(Peer(0), task, document=on_the_web("ws", chat[0], "feed"))
    assert outcome.status is Status.COMPLETED, outcome.error
    assert [message["payload"]["n"] for message in outcome.output] == [0, 1]


def test_a_message_is_sent_to_a_web_socket(chat: tuple[int, Chat]) -> None:
    task = calling(message={"payload": {"a": 1}}, authentication={"bearer": {"token": "t"}})
    outcome = execute(Peer(0), task, document=on_the_web("ws", chat[0], "room"))
    assert outcome.status is Status.COMPLETED, outcome.error
    wait_until(lambda: chat[1].heard, "the message's arrival")
    assert chat[1].heard[-1] == ("/room", "Bearer t", '{"a":1}')


@pytest.mark.parametrize(
    ("document", "call", "words"),
    [
        ({"asyncapi": "1.0"}, {}, "version '1.0'"),
        ({"asyncapi": "3.0.0"}, {}, "no operation 'read'; it has none"),
        ({"asyncapi": "2.0.0"}, {}, "no operation 'read'"),
        ({"asyncapi": "2.0.0"}, {"operation": None, "channel": "x"}, "no channel 'x'"),
        (a_document("redis", 1), {"server": {"name": "other"}}, "no server 'other'; it has kafka, main"),
        (a_document("redis", 1), {"server": {"name": "kafka"}}, "kafka is not supported"),
        (a_document("redis", 1), {"protocol": "mqtt"}, "no server with the protocol mqtt"),
    ],
)
def test_a_document_that_does_not_say_where_is_a_configuration_error(
    document: Any, call: dict[str, Any], words: str
) -> None:
    outcome = execute(Peer(0), calling(**{"message": {"payload": {}}, **call}), document=document)
    assert outcome.error is not None and outcome.error.type == ERRORS + "configuration"
    assert words in outcome.error.detail


def test_a_stub_takes_the_place_of_the_broker() -> None:
    seen: list[StubCall] = []

    def stub(asked: StubCall) -> StubAnswer:
        seen.append(asked)
        return StubAnswer(
            output=[{"payload": {"n": 1}}, {"n": 2}, {"payload": {"n": 3}}] if len(seen) > 1 else None
        )

    published = execute(Peer(0), calling(message={"payload": {"n": "${ .n }"}}), {"n": 5}, stub=stub)
    assert published.output == {"payload": {"n": 5}}
    assert seen[0].kind == "asyncapi"
    assert seen[0].arguments == {"operation": "read", "message": {"payload": {"n": 5}}}
    task = calling(subscription={"filter": "${ .payload.n > 1 }", "consume": {"amount": 5}})
    taken = execute(Peer(0), task, stub=stub)
    assert [message["payload"]["n"] for message in taken.output] == [2, 3]


@pytest.mark.parametrize(
    ("change", "pointer", "kind"),
    [
        ({"channel": "x"}, "", "schema"),
        ({"operation": None}, "", "schema"),
        ({"subscription": {"consume": {"amount": 1}}}, "", "schema"),
        ({"message": None}, "", "schema"),
        ({"message": {"payload": [1]}}, "/message/payload", "schema"),
        ({"message": {"body": 1}}, "/message/body", "schema"),
        ({"document": {}}, "/document", "schema"),
        ({"server": {}}, "/server", "schema"),
        ({"protocol": "smoke"}, "/protocol", "schema"),
        ({"protocol": "kafka"}, "/protocol", "unsupported"),
        ({"more": 1}, "/more", "schema"),
    ],
)
def test_flaws_are_found_before_running(change: dict[str, Any], pointer: str, kind: str) -> None:
    document = a_workflow(calling(**{"message": {"payload": {}}, **change}))
    assert [(one.pointer, one.kind) for one in problems(document)] == [("/do/0/c/with" + pointer, kind)]


@pytest.mark.parametrize(
    ("subscription", "pointer", "kind"),
    [
        ({}, "", "schema"),
        ({"consume": {}}, "/consume", "schema"),
        ({"consume": {"amount": 1, "until": "${ true }"}}, "/consume", "schema"),
        ({"consume": {"amount": "1"}}, "/consume/amount", "schema"),
        ({"consume": {"amount": 1, "for": "soon"}}, "/consume/for", "duration"),
        ({"consume": {"until": "${ ( }"}}, "/consume/until", "expression"),
        ({"consume": {"amount": 1}, "filter": "${ $item }"}, "/filter", "expression"),
        ({"consume": {"amount": 1}, "foreach": {"item": "1x"}}, "/foreach/item", "schema"),
        ({"consume": {"amount": 1}, "foreach": {"do": [{"a": {}}]}}, "/foreach/do/0/a", "task-kind"),
    ],
)
def test_flaws_of_a_subscription_are_found_before_running(
    subscription: dict[str, Any], pointer: str, kind: str
) -> None:
    found = problems(a_workflow(calling(subscription=subscription)))
    assert [(one.pointer, one.kind) for one in found] == [("/do/0/c/with/subscription" + pointer, kind)]


EXAMPLES = Path(__file__).parents[3] / "shared" / "reference" / "spec" / "examples"


def example(name: str) -> Any:
    """A document of the specification."""
    if not EXAMPLES.is_dir():
        pytest.skip("the specification is not at hand")
    return read_yaml((EXAMPLES / name).read_text())


@pytest.mark.parametrize("call", ["grpc", "mcp"])
def test_the_examples_of_other_calls_have_no_problems(call: str) -> None:
    assert problems(example(f"call-{call}.yaml")) == ()


def notifications(port: int) -> dict[str, Any]:
    """What the examples' document may say: both versions name the same channel."""
    server = {"host": f"127.0.0.1:{port}", "url": f"ws://127.0.0.1:{port}", "protocol": "ws"}
    message = {"correlationId": {"location": "$message.payload#/correlation"}}
    return {
        "servers": {"staging": server},
        "channels": {
            "/notifications": {
                "address": "notifications",
                "messages": {"m": message},
                "subscribe": {"message": message},
            }
        },
        "operations": {
            name: {"channel": {"$ref": "#/channels/~1notifications"}}
            for name in ("findPetsByStatus", "getNotifications")
        },
    }


CONSUMING = {
    "consume-amount": ("3.0.0", 5),
    "consume-forever-foreach": ("3.0.0", 7),
    "consume-until": ("2.6.0", 7),
    "consume-while": ("3.0.0", 7),
}


@pytest.mark.parametrize("name", CONSUMING)
def test_the_examples_that_subscribe_run(chat: tuple[int, Chat], name: str) -> None:
    version, count = CONSUMING[name]
    document = {**notifications(chat[0]), "asyncapi": version}
    input = {"userId": "u1", "contact": {"firstName": "Ann", "lastName": "Lee"}}
    outcome = run(
        example(f"call-asyncapi-subscribe-{name}.yaml"),
        input,
        http_transport=serving_page(lambda request: httpx.Response(200, json=document)),
    )
    assert outcome.status is Status.COMPLETED, outcome.error
    assert len(outcome.output) == count


def test_the_example_that_publishes_runs(chat: tuple[int, Chat]) -> None:
    document = {**notifications(chat[0]), "asyncapi": "3.0.0"}
    before = len(chat[1].heard)
    outcome = run(
        example("call-asyncapi-publish.yaml"),
        {"pet": {"id": 7}, "token": "t"},
        http_transport=serving_page(lambda request: httpx.Response(200, json=document)),
    )
    assert outcome.status is Status.COMPLETED, outcome.error
    wait_until(lambda: len(chat[1].heard) > before, "the message's arrival")
    assert chat[1].heard[-1] == ("/notifications", "Bearer t", '{"petId":7}')


def of_queue(port: int) -> dict[str, Any]:
    """A document whose channel is a queue."""
    document = a_document("amqp", port)
    document["channels"]["readings"]["bindings"] = {"amqp": {"is": "queue", "queue": {"durable": True}}}
    return document


def test_a_message_for_a_queue_stays_there_until_it_is_taken(amqp_port: int) -> None:
    peer = AmqpPeer(amqp_port, "")
    peer.declare("hall.readings")
    for n in range(3):
        sent = execute(peer, calling(message={"payload": {"n": n}}), document=of_queue(amqp_port))
        assert sent.status is Status.COMPLETED, sent.error
    task = calling(subscription={"consume": {"amount": 2}})
    taken = execute(peer, task, document=of_queue(amqp_port))
    assert [message["payload"]["n"] for message in taken.output] == [0, 1]
    (left,) = peer.left("hall.readings")
    assert json.loads(left.body) == {"n": 2}
    assert (left.message_id, left.content_type) == ("run-1:/do/0/c", "application/json")


def test_a_message_that_no_queue_takes_is_a_communication_error(amqp_port: int) -> None:
    server = {"name": "main", "variables": {"room": "nowhere"}}
    call = calling(message={"payload": {}}, server=server)
    outcome = execute(AmqpPeer(amqp_port), call, document=of_queue(amqp_port))
    assert outcome.error is not None and outcome.error.type == ERRORS + "communication"
    assert "no queue takes the message" in outcome.error.detail


def test_a_message_is_given_back_when_its_task_faults(amqp_port: int) -> None:
    peer = AmqpPeer(amqp_port, "")
    peer.declare("hall.readings")
    peer.send("hall.readings", b'{"n": 1}')
    foreach = {"do": [{"no": {"raise": {"error": {"type": "about:blank", "status": 400, "title": "no"}}}}]}
    task = calling(subscription={"consume": {"amount": 1}, "foreach": foreach})
    assert execute(peer, task, document=of_queue(amqp_port)).status is Status.FAULTED
    assert [json.loads(message.body) for message in peer.left("hall.readings")] == [{"n": 1}]
