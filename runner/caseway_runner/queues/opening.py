"""Opens a queue by the type of its connection: a module each, listed here."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from urllib.parse import urlsplit

from caseway_runner.calls.asyncapi_document import Channel, Server
from caseway_runner.calls.brokers.link import Link
from caseway_runner.credentials import Credentials
from caseway_runner.errors import fault
from caseway_runner.http_client import HttpClient, check_address
from caseway_runner.policy import Policy
from caseway_runner.ports import Ports
from caseway_runner.queues import amqp_queue, mqtt_topic, nats_stream, redis_keys
from caseway_runner.queues.queue import Queue, Source

_Open = Callable[[Link, Queue], AbstractAsyncContextManager[Source]]
_OPEN: Mapping[str, _Open] = {
    "amqp": amqp_queue.consume,
    "mqtt": mqtt_topic.consume,
    "nats": nats_stream.consume,
    "redis": redis_keys.consume,
}
# What an address may be, by the type of the connection.
QUEUE_KINDS: Mapping[str, frozenset[str]] = {
    "amqp": frozenset({"queue"}),
    "mqtt": frozenset({"topic"}),
    "nats": frozenset({"subject"}),
    "redis": frozenset({"stream", "list"}),
}
_SECURE = frozenset({"rediss", "amqps", "mqtts", "tls"})


@asynccontextmanager
async def consume(queue: Queue, policy: Policy) -> AsyncIterator[Source]:
    """The open queue. Raises Faults: configuration, authorization, and communication for a broker that cannot
    be reached, refuses, or goes away meanwhile."""
    if queue.kind not in QUEUE_KINDS.get(queue.type, frozenset()):
        raise fault("configuration", f"a connection of type {queue.type} has no {queue.kind}")
    link = _link(queue, policy)
    check_address(link.host, link.port, policy.hosts)
    async with _OPEN[queue.type](link, queue) as source:
        yield source


def _link(queue: Queue, policy: Policy) -> Link:
    parts = urlsplit(queue.url)
    is_newer = queue.type == "mqtt" and str(queue.options.get("protocolVersion", "")) == "5"
    try:
        port = parts.port or 0
    except ValueError as error:
        raise fault("configuration", f"'{queue.url[:200]}' is not the address of a server") from error
    server = Server(
        protocol="mqtt5" if is_newer else queue.type,
        host=parts.hostname or "",
        port=port,
        path=parts.path,
        is_secure=parts.scheme in _SECURE,
    )
    bindings = {"is": "queue"} if queue.type == "amqp" else {}
    channel = Channel(server, queue.address, bindings)
    limit = policy.limits.output_bytes
    return Link(channel, _credentials(queue), "", HttpClient(Ports(policy=policy)), limit)


def _credentials(queue: Queue) -> Credentials | None:
    """Name and password, or a token, whichever the credential has."""
    known = queue.login
    password = known.get("password")
    if password is not None:
        name = str(known.get("username") or known.get("user") or "")
        if not name:
            return Credentials("Bearer", str(password))
        return Credentials("Basic", base64.b64encode(f"{name}:{password}".encode()).decode())
    token = known.get("token") or known.get("key")
    return Credentials("Bearer", str(token)) if token else None
