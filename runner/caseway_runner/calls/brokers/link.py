"""What travels to and from brokers, and what is known about one before it is reached."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from caseway_runner.calls.asyncapi_document import Channel
from caseway_runner.credentials import Credentials
from caseway_runner.errors import Fault, fault
from caseway_runner.http_client import HttpClient

CONNECT_SECONDS = 15
USUAL_PORTS = {"http": (80, 443), "mqtt": (1883, 8883), "mqtt5": (1883, 8883), "nats": (4222, 4222)}
USUAL_PORTS |= {"amqp": (5672, 5671), "redis": (6379, 6379), "ws": (80, 443)}


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message as bytes."""

    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """One channel of one broker, and how to sign in. `key` is the task's idempotency key."""

    channel: Channel
    credentials: Credentials | None
    key: str
    http: HttpClient
    limit: int

    @property
    def host(self) -> str:
        """The broker's host."""
        return self.channel.server.host

    @property
    def port(self) -> int:
        """The broker's port."""
        server = self.channel.server
        return server.port or USUAL_PORTS[server.protocol][server.is_secure]

    @property
    def label(self) -> str:
        """The channel in words, for messages."""
        return f"{self.channel.server.protocol}://{self.host}:{self.port} {self.channel.address}"

    def login(self) -> tuple[str | None, str | None]:
        """User name and password; a bearer token is a password without a name."""
        if self.credentials is None:
            return None, None
        if self.credentials.scheme == "Basic":
            name, _, password = base64.b64decode(self.credentials.parameter).decode().partition(":")
            return name, password
        if self.credentials.scheme == "Digest":
            raise fault("configuration", f"{self.channel.server.protocol} has no digest authentication")
        return None, self.credentials.parameter

    def tls(self) -> ssl.SSLContext | None:
        """What an encrypted connection needs."""
        return ssl.create_default_context() if self.channel.server.is_secure else None

    def lost(self, error: object) -> Fault:
        """The fault for a broker that cannot be reached, refuses, or goes away."""
        return fault("communication", f"{self.label}: {error or type(error).__name__}")

    def without_headers(self, headers: Mapping[str, Any]) -> None:
        """Raise a configuration fault when there are headers, in a protocol that has none."""
        if headers:
            protocol = self.channel.server.protocol
            raise fault("configuration", f"messages of the protocol {protocol} have no headers")
