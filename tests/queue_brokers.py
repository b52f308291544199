"""Real brokers for tests of queues: how each is started, and how a message is put there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runner.serving import broker, free_port, rabbit

KINDS = ["stream", "list", "queue", "subject", "topic", "topic5"]
SECONDS = 90


@dataclass
class Broker:
    """A broker that runs. `has_ids` says whether its messages have ids that stay."""

    type: str
    kind: str
    port: int
    has_ids: bool = True
    login: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.type}://127.0.0.1:{self.port}"

    def address(self, name: str) -> str:
        return name

    def prepare(self, address: str) -> None:
        """Let the address be there."""

    def send(self, address: str, *contents: bytes) -> None:
        raise NotImplementedError

    def client(self) -> AbstractContextManager[Any]:
        raise NotImplementedError

    def expire(self) -> None:
        """Let the broker hand out anew what was taken and not done."""


@dataclass
class RedisBroker(Broker):
    def client(self) -> AbstractContextManager[Any]:
        redis = pytest.importorskip("redis", reason="the extra caseway[asyncapi] is not installed")
        return redis.Redis(port=self.port, password="pw")

    def send(self, address: str, *contents: bytes) -> None:
        with self.client() as client:
            for content in contents:
                if self.kind == "stream":
                    client.xadd(address, {"payload": content})
                else:
                    client.lpush(address, content)


@dataclass
class RabbitBroker(Broker):
    def send(self, address: str, *contents: bytes) -> None:
        library = pytest.importorskip("aio_pika", reason="the extra caseway[asyncapi] is not installed")

        async def work() -> None:
            async with await library.connect(port=self.port) as connection:
                channel = await connection.channel()
                await channel.declare_queue(address, durable=True)
                for number, content in enumerate(contents):
                    message = library.Message(content, message_id=f"{address}-{number}-{hash(content)}")
                    await channel.default_exchange.publish(message, address)

        asyncio.run(work())


@dataclass
class NatsBroker(Broker):
    def address(self, name: str) -> str:
        return f"work.{name}"

    def _work(self, work: Callable[[Any], Any]) -> None:
        library = pytest.importorskip("nats", reason="the extra caseway[asyncapi] is not installed")

        async def connected() -> None:
            client = await library.connect(f"nats://127.0.0.1:{self.port}", token="pw")
            await work(client.jetstream())
            await client.drain()

        asyncio.run(connected())

    def prepare(self, address: str) -> None:
        self._work(lambda stream: stream.add_stream(name=address.replace(".", "-"), subjects=[address]))

    def send(self, address: str, *contents: bytes) -> None:
        async def work(stream: Any) -> None:
            for content in contents:
                await stream.publish(address, content)

        self._work(work)

    def expire(self) -> None:
        """The server hands it out again once its consumer's patience is at its end: make that now."""

        async def work(stream: Any) -> None:
            for about in await stream._jsm.streams_info():
                for consumer in await stream._jsm.consumers_info(about.config.name):
                    config = consumer.config
                    config.ack_wait = 0.2
                    await stream._jsm.add_consumer(about.config.name, config=config)

        self._work(work)


@dataclass
class MqttBroker(Broker):
    def send(self, address: str, *contents: bytes) -> None:
        mqtt = pytest.importorskip("paho.mqtt.client", reason="the extra caseway[asyncapi] is not installed")
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        try:
            for content in contents:
                client.publish(address, content, qos=1).wait_for_publish(SECONDS)
        finally:
            client.disconnect()
            client.loop_stop()


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[Broker]:
    """A broker that has queues of this kind, its data in `folder`; skips where it is not installed."""
    if kind == "queue":
        with rabbit(folder) as port:
            yield RabbitBroker("amqp", kind, port, login={"username": "guest", "password": "guest"})
        return
    port = free_port()
    with broker(_command(kind, port, folder), port):
        if kind in ("stream", "list"):
            yield RedisBroker("redis", kind, port, login={"password": "pw"})
        elif kind == "subject":
            yield NatsBroker("nats", kind, port, login={"token": "pw"})
        else:
            options = {"protocolVersion": "5"} if kind == "topic5" else {}
            yield MqttBroker("mqtt", "topic", port, has_ids=False, options=options)


def _command(kind: str, port: int, folder: Path) -> list[str]:
    if kind in ("stream", "list"):
        return f"redis-server --port {port} --bind 127.0.0.1 --save  --requirepass pw".split(" ")
    if kind == "subject":
        return ["nats-server", "-a", "127.0.0.1", "-p", str(port), "--auth", "pw", "-js", "-sd", str(folder)]
    file = folder / "mosquitto.conf"
    file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    return ["mosquitto", "-c", str(file)]
