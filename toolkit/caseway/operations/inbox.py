"""CloudEvents sent by whoever has a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from caseway.model.access import Permission
from caseway.model.canonical import JsonObject
from caseway.operations.fields import About
from caseway.operations.operation import PREFIX, Operating, Operation
from caseway.platform import inbox

EXAMPLE = {"id": "e-1", "source": "urn:shop", "type": "order.placed", "data": {"order": 42}}


@dataclass(frozen=True, slots=True)
class SendEvent:
    """The event; the same `source` and `id` is one event."""

    event: Annotated[JsonObject, About("A CloudEvent.", example=EXAMPLE)]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What the event did: executions it woke and started. `is_new` is false for one that was known."""

    id: str
    is_new: bool
    woken: tuple[str, ...]
    started: tuple[str, ...]


def _send(operating: Operating, asked: SendEvent) -> Delivered:
    done = inbox.deliver(operating.platform, operating.organization, asked.event, actor=operating.actor)
    return Delivered(str(asked.event["id"]), done.is_new, done.woken, done.started)


OPERATIONS = (
    Operation(
        "events.send",
        "POST",
        PREFIX + "/events",
        Permission.TRIGGER,
        "Deliver a CloudEvent: it wakes who waits for it and fires event triggers",
        SendEvent,
        Delivered,
        _send,
        status=202,
    ),
)
