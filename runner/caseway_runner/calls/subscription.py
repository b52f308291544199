"""A subscription of `call: asyncapi`: takes messages until enough have come.

Rule: a message that was taken is in the journal before anything is done with it, so that resuming goes on
after it; what a broker did not keep while nobody listened is lost as for any subscriber."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.calls.asyncapi_document import Channel
from caseway_runner.calls.asyncapi_source import Source, unpacked
from caseway_runner.calls.brokers.link import Parcel
from caseway_runner.expression import Expression
from caseway_runner.iteration import Iteration, compile_iteration
from caseway_runner.moments import moment
from caseway_runner.scope import Scope


@dataclass(frozen=True, slots=True)
class SubscribeBody:
    """Which messages to take, until when, and what to do with each."""

    source: Source
    filter: Expression | None
    amount: int | None
    condition: Expression | None
    until: Expression | None
    period: float | Expression | None
    iteration: Iteration | None
    nature: ClassVar[str] = "composite"

    async def run(self, activation: Activation) -> Any:
        """The messages in order, or what `foreach` made of them."""
        taken = _Taken(self, activation)
        while not activation.has_ended:
            entry = activation.noted("received", suffix=f"#{len(taken.messages)}")
            if entry is None:
                break
            await taken.take(entry.data)
        if not activation.has_ended and activation.noted("settled") is None:
            await self._consume(activation, taken)
            activation.note("settled", {"messages": len(taken.messages)})
        return taken.outputs

    async def _consume(self, activation: Activation, taken: _Taken) -> None:
        if activation.strand.doom is not None:
            raise activation.strand.doom
        ends = await self._end(activation)
        if not await taken.wants_more():
            return
        asked = {**await self.source.asked(activation), "subscription": {}}
        is_stubbed, answer = activation.stubbed("asyncapi", asked)
        opened = _given(answer) if is_stubbed else self._messages(activation)
        async with opened as messages:
            while not activation.has_ended and await taken.wants_more():
                message = await _next(activation, messages, ends)
                if message is None:
                    break
                activation.run.session.count_activation()
                if self.filter is not None and not await _holds(activation, self.filter, message):
                    continue
                activation.note("received", message, suffix=f"#{len(taken.messages)}")
                await activation.flush()
                await taken.take(message)

    async def _end(self, activation: Activation) -> float | None:
        """When the period ends, by the loop's clock. It began when the task did, in whichever run."""
        if self.period is None:
            return None
        seconds = await activation.seconds(self.period)
        noted = activation.noted("begun", suffix="#")
        begun = noted.at if noted is not None else activation.note("begun", suffix="#")
        passed = (activation.run.session.ports.clock.now() - moment(begun)).total_seconds()
        return asyncio.get_running_loop().time() + max(0.0, seconds - passed)

    @asynccontextmanager
    async def _messages(self, activation: Activation) -> AsyncIterator[AsyncIterator[Any]]:
        broker, link = await self.source.linked(activation)
        async with broker.subscribe(link) as parcels:
            yield _unpacking(parcels, link.channel)


class _Taken:
    """What a subscription has taken so far."""

    __slots__ = ("_activation", "_body", "messages", "outputs")

    def __init__(self, body: SubscribeBody, activation: Activation) -> None:
        self._body, self._activation = body, activation
        self.messages: list[Any] = []
        self.outputs: list[Any] = []

    async def take(self, message: Any) -> None:
        """Do with one message what `foreach` says."""
        self.messages.append(message)
        if self._body.iteration is not None:
            message = await self._body.iteration.run(self._activation, message, len(self.messages) - 1)
        self.outputs.append(message)

    async def wants_more(self) -> bool:
        """Whether another message is to be taken; conditions see the list of messages so far."""
        body, activation, count = self._body, self._activation, len(self.messages)
        if body.amount is not None and count >= body.amount:
            return False
        if body.until is not None and await _holds(activation, body.until, self.messages):
            return False
        return body.condition is None or not count or await _holds(activation, body.condition, self.messages)


async def _holds(activation: Activation, condition: Expression, value: Any) -> bool:
    result = await activation.evaluate_on(condition, value)
    return result is not None and result is not False


async def _next(activation: Activation, messages: AsyncIterator[Any], ends: float | None) -> Any:
    """The next message; None when the time is up or the stream ends."""
    if activation.is_waiting is not None:
        activation.is_waiting(True)
    try:
        async with asyncio.timeout_at(ends):
            return await anext(messages, None)
    except TimeoutError:
        return None
    finally:
        if activation.is_waiting is not None:
            activation.is_waiting(False)


async def _unpacking(parcels: AsyncIterator[Parcel], channel: Channel) -> AsyncIterator[Any]:
    async for parcel in parcels:
        yield unpacked(parcel, channel)


@asynccontextmanager
async def _given(answer: Any) -> AsyncIterator[AsyncIterator[Any]]:
    """The messages a stub gives: a list of them, each with `payload` or the payload itself."""

    async def messages() -> AsyncIterator[Any]:
        for one in answer if isinstance(answer, list) else [] if answer is None else [answer]:
            is_message = isinstance(one, Mapping) and "payload" in one
            yield {"headers": {}, **one} if is_message else {"payload": one, "headers": {}}

    yield messages()


def compile_subscription(value: Any, scope: Scope, source: Source | None) -> SubscribeBody | None:
    """The `subscription` of a call."""
    fields = scope.mapping(value, {"filter", "consume", "foreach"}, ("consume",))
    if fields is None:
        return None
    spot = scope.at("consume")
    consume = spot.mapping(fields["consume"], {"for", "amount", "while", "until"})
    iteration = None
    if "foreach" in fields:
        iteration = compile_iteration(fields["foreach"], scope.at("foreach"), "/with/subscription/foreach")
    if consume is None or source is None:
        return None
    if len({"amount", "while", "until"} & set(consume)) != 1:
        spot.report("schema", "expected exactly one of amount, while, until")
    amount = consume.get("amount")
    if "amount" in consume and (isinstance(amount, bool) or not isinstance(amount, int)):
        spot.at("amount").report("schema", "expected a whole number")
    return SubscribeBody(
        source=source,
        filter=scope.optional_expression(fields, "filter"),
        amount=amount,
        condition=spot.optional_expression(consume, "while"),
        until=spot.optional_expression(consume, "until"),
        period=spot.at("for").duration(consume["for"]) if "for" in consume else None,
        iteration=iteration,
    )
