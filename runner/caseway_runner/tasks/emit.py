"""`emit`: publishes a CloudEvent. Its id derives from the idempotency key, so a repeated emit can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from caseway_runner.activation import Activation
from caseway_runner.derived import id_of
from caseway_runner.filters import ATTRIBUTES
from caseway_runner.scope import Scope
from caseway_runner.template import Template

KEYS = frozenset({"emit"})
_NAMESPACE = UUID("6f6b2c1e-5b1d-4d1f-9a53-0e2b8f1c7a10")


@dataclass(frozen=True, slots=True)
class EmitBody:
    """The event's attributes."""

    attributes: Template
    nature: ClassVar[str] = "effect"

    async def run(self, activation: Activation) -> Any:
        """The event as published."""
        attributes = await activation.fill(self.attributes)
        event = {
            "specversion": "1.0",
            "id": id_of(_NAMESPACE, activation.key),
            "time": activation.started_at,
            **attributes,
        }
        if "data" in event:
            event.setdefault("datacontenttype", "application/json")
        is_stubbed, answer = activation.stubbed("emit", event)
        if is_stubbed:
            return event if answer is None else answer
        await activation.run.session.ports.events.publish(event)
        return event


def compile_body(source: Mapping[str, Any], scope: Scope) -> EmitBody | None:
    """`emit.event.with`, with at least source and type."""
    place = scope.at("emit")
    fields = place.mapping(source["emit"], {"event"}, ("event",))
    if fields is None:
        return None
    event = place.at("event").mapping(fields["event"], None, ("with",))
    if event is None:
        return None
    spot = place.at("event", "with")
    attributes = spot.mapping(event["with"], None, ("source", "type"))
    spot.texts(attributes, ATTRIBUTES)
    return EmitBody(spot.template(dict(attributes))) if attributes is not None else None
