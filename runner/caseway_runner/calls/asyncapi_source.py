"""The channel that an AsyncAPI call means, and messages as they travel over it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caseway_runner.activation import Activation
from caseway_runner.authentication import Authentication, compile_authentication, resolve
from caseway_runner.calls.asyncapi_document import Channel, Wanted, correlation_id, resolved
from caseway_runner.calls.brokers import BROKERS, Broker
from caseway_runner.calls.brokers.link import Link, Parcel
from caseway_runner.calls.resource import Endpoint, fetch_document, resource_at
from caseway_runner.errors import fault
from caseway_runner.http_client import check_address
from caseway_runner.scope import Scope
from caseway_runner.template import Template, constant

_PROTOCOL_WORDS = (
    "amqp amqp1 anypointmq googlepubsub http ibmmq jms kafka mercure mqtt mqtt5 nats pulsar redis sns solace "
    "sqs stomp ws"
)
_PROTOCOLS = frozenset(_PROTOCOL_WORDS.split())


@dataclass(frozen=True, slots=True)
class Source:
    """Which channel of which document is meant, and how to sign in there."""

    document: Endpoint
    operation: str
    channel: str
    server: str
    protocol: str
    variables: Template
    authentication: Authentication | None

    async def asked(self, activation: Activation) -> dict[str, Any]:
        """The call as a stub sees it."""
        named = {
            "operation": self.operation,
            "channel": self.channel,
            "server": self.server,
            "protocol": self.protocol,
        }
        values = {name: value for name, value in named.items() if value}
        variables = await activation.fill(self.variables)
        return {**values, "variables": variables} if variables else values

    async def linked(self, activation: Activation) -> tuple[Broker, Link]:
        """The broker and the channel. Raises configuration, authorization and authentication faults."""
        session = activation.run.session
        _, document = await fetch_document(self.document, "the AsyncAPI document", activation)
        variables = await activation.fill(self.variables)
        wanted = Wanted(self.operation, self.channel, self.server, self.protocol, variables)
        channel = resolved(document, wanted)
        broker = BROKERS.get(channel.server.protocol)
        if broker is None:
            known = ", ".join(BROKERS)
            raise fault(
                "configuration", f"the protocol {channel.server.protocol} is not supported; {known} are"
            )
        credentials = None
        if self.authentication is not None:
            credentials = await resolve(self.authentication, activation)
            activation.authorization = {"scheme": credentials.scheme, "parameter": credentials.parameter}
        limit = session.ports.policy.limits.output_bytes
        link = Link(channel, credentials, activation.key, session.http, limit)
        check_address(link.host, link.port, session.ports.policy.hosts)
        return broker, link


def packed(message: Mapping[str, Any], channel: Channel) -> Parcel:
    """The message as bytes."""
    payload, kind = message.get("payload"), channel.content_type
    if isinstance(payload, str) and "json" not in kind:
        content = payload.encode()
    else:
        content = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        str(name): value if isinstance(value, str) else json.dumps(value)
        for name, value in (message.get("headers") or {}).items()
    }
    return Parcel(content, headers, kind)


def unpacked(parcel: Parcel, channel: Channel) -> dict[str, Any]:
    """The message in a parcel: JSON when it is, else text, else base64."""
    try:
        payload = json.loads(parcel.content)
    except ValueError:
        try:
            payload = parcel.content.decode()
        except UnicodeDecodeError:
            payload = base64.b64encode(parcel.content).decode()
    message = {"payload": payload, "headers": dict(parcel.headers)}
    found = correlation_id(channel.correlation, payload, parcel.headers)
    return {**message, "correlationId": found} if found else message


def compile_source(fields: Mapping[str, Any], scope: Scope) -> Source | None:
    """The parts of a call's `with` that say where."""
    document = resource_at(fields["document"], scope.at("document"))
    spot = scope.at("server")
    server = spot.mapping(fields.get("server", {"name": ""}), {"name", "variables"}, ("name",))
    protocol = scope.text(fields, "protocol")
    if protocol and protocol not in _PROTOCOLS:
        scope.at("protocol").report("schema", f"'{protocol[:40]}' is not a protocol of the language")
    elif protocol and protocol not in BROKERS:
        known = ", ".join(BROKERS)
        scope.at("protocol").report(
            "unsupported", f"the protocol {protocol} is not supported", f"use {known}"
        )
    authentication = None
    if "authentication" in fields:
        authentication = compile_authentication(fields["authentication"], scope.at("authentication"))
    variables = spot.at("variables").mapping((server or {}).get("variables", {}), None)
    if document is None or server is None:
        return None
    return Source(
        document=document,
        operation=scope.text(fields, "operation"),
        channel=scope.text(fields, "channel"),
        server=spot.text(server, "name"),
        protocol=protocol,
        variables=spot.at("variables").template(dict(variables)) if variables else constant({}),
        authentication=authentication,
    )
