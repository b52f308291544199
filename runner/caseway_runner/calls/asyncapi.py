"""`call: asyncapi`: publishes a message here; subscriptions have a module of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.calls.asyncapi_source import Source, compile_source, packed
from caseway_runner.calls.subscription import SubscribeBody, compile_subscription
from caseway_runner.scope import Scope
from caseway_runner.template import Template

_KEY_WORDS = "document channel operation server protocol message subscription authentication"
_KEYS = frozenset(_KEY_WORDS.split())


@dataclass(frozen=True, slots=True)
class PublishBody:
    """A message to publish."""

    source: Source
    message: Template
    nature: ClassVar[str] = "effect"

    async def run(self, activation: Activation) -> Any:
        """The message as published."""
        message = await activation.fill(self.message)
        asked = {**await self.source.asked(activation), "message": message}
        is_stubbed, answer = activation.stubbed("asyncapi", asked)
        if is_stubbed:
            return message if answer is None else answer
        broker, link = await self.source.linked(activation)
        await broker.publish(link, packed(message, link.channel))
        return message


def compile_call(source: Mapping[str, Any], scope: Scope) -> PublishBody | SubscribeBody | None:
    """The `with` of an AsyncAPI call."""
    place = scope.at("with")
    fields = place.mapping(source.get("with", {}), _KEYS, ("document",))
    if fields is None:
        return None
    for one, other in (("operation", "channel"), ("message", "subscription")):
        if (one in fields) == (other in fields):
            place.report("schema", f"expected exactly one of {one}, {other}")
            return None
    found = compile_source(fields, place)
    if "subscription" in fields:
        return compile_subscription(fields["subscription"], place.at("subscription"), found)
    message = place.at("message").mapping(fields["message"], {"payload", "headers"})
    for key in ("payload", "headers"):
        if message is not None and key in message:
            place.at("message", key).mapping(message[key], None)
    if message is None or found is None:
        return None
    return PublishBody(found, place.at("message").template(dict(message)))
