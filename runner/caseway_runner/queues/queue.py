"""A queue as whoever takes messages from it knows it. Values only.

Rule: a message is the broker's until it is `done`: whatever happens before, it comes again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Queue:
    """Where messages are taken from. `type` is the connection's (redis, amqp, nats, mqtt), `kind` what the
    address is there: stream, list, queue, subject, topic. `group` is the name under which the broker knows
    who takes them, `prefetch` how many it hands out at once. `is_from_now` passes over what was there before
    the group came."""

    type: str
    url: str
    kind: str
    address: str
    group: str
    prefetch: int = 10
    is_from_now: bool = False
    login: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A message that was taken. `id` is the broker's, "" when it has none that stays; `handle` is for
    `done`."""

    content: bytes
    headers: Mapping[str, str]
    id: str
    handle: Any = None


class Source(Protocol):
    """An open queue."""

    async def take(self, most: int, seconds: float, /) -> Sequence[QueueMessage]:
        """At most so many messages: as soon as there is one, none when none comes within that time."""
        ...

    async def done(self, message: QueueMessage, /) -> None:
        """The broker may forget the message."""
        ...
