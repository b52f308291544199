"""Whatever documents, cards and answers say, calls end with a fault and never with anything else."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from caseway_runner import problems
from caseway_runner.calls.a2a import interface
from caseway_runner.calls.asyncapi_document import Channel, Wanted, correlation_id, resolved
from caseway_runner.calls.jsonrpc import events, result_of
from caseway_runner.errors import Fault

LINES = (
    "asyncapi servers channels operations channel address url host protocol variables default parameters "
    "schema messages message oneOf correlationId location bindings publish subscribe operationId $ref a x "
    "supportedInterfaces additionalInterfaces protocolBinding transport protocolVersion preferredTransport "
    "error result code data"
)
WORDS = LINES.split()
TEXTS = [
    "3.0.0",
    "2.6.0",
    "JSONRPC",
    "redis",
    "mqtt",
    "a",
    "x",
    "#/channels/a",
    "#/servers/x",
    "h:{a}",
    "1.0",
]
scalars = st.none() | st.booleans() | st.integers(-5, 99999) | st.sampled_from(TEXTS) | st.text(max_size=5)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=25,
)


def having(*names: str) -> Any:
    """Objects that may have these properties, with any values; or anything else."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, anything)) | anything


objects = st.dictionaries(st.sampled_from(WORDS), anything, max_size=6)


@given(
    objects,
    st.sampled_from(["3.0.0", "2.6.0"]),
    having("host", "url", "protocol", "protocolVersion", "variables", "pathname", "$ref"),
    having("address", "servers", "parameters", "messages", "bindings", "publish", "subscribe", "$ref"),
    having("channel", "messages", "bindings", "$ref"),
    st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_any_asyncapi_document_gives_a_channel_or_a_fault(
    document: dict[str, Any], version: str, servers: Any, channel: Any, operation: Any, by_channel: bool
) -> None:
    document = {**document, "asyncapi": version, "servers": {"x": servers}, "channels": {"a": channel}}
    document["operations"] = {"a": operation}
    wanted = Wanted(channel="a") if by_channel else Wanted(operation="a", variables={"a": "1"})
    with suppress(Fault):
        assert isinstance(resolved(document, wanted), Channel)


@given(having("url", "preferredTransport", "supportedInterfaces", "additionalInterfaces"))
@settings(max_examples=60, deadline=None)
def test_any_agent_card_gives_an_address_or_a_fault(card: Any) -> None:
    assume(isinstance(card, dict))
    with suppress(Fault):
        url, version = interface(card, "http://cards/x.json")
        assert url and version


@given(anything)
@settings(max_examples=60, deadline=None)
def test_any_answer_is_a_result_or_a_fault(answer: Any) -> None:
    with suppress(Fault):
        assert result_of(answer, "here") == answer["result"]


@given(st.text(max_size=20), anything, objects)
@settings(max_examples=60, deadline=None)
def test_any_location_gives_text(location: str, payload: Any, headers: dict[str, Any]) -> None:
    assert isinstance(correlation_id(f"$message.payload#/{location}", payload, headers), str)


@given(
    st.lists(st.lists(st.text(st.characters(exclude_characters="\r\n"), max_size=10), min_size=1), max_size=5)
)
def test_events_come_out_of_a_stream_as_they_went_in(sent: list[list[str]]) -> None:
    stream = "".join("".join(f"data: {line}\n" for line in lines) + "\n" for lines in sent)
    assert list(events(stream)) == ["\n".join(lines) for lines in sent]


@given(st.sampled_from(["grpc", "asyncapi", "mcp", "a2a"]), anything)
@settings(max_examples=100, deadline=None)
def test_any_arguments_of_a_call_are_judged(name: str, arguments: Any) -> None:
    document = {
        "document": {"dsl": "1.0.3", "namespace": "n", "name": "n", "version": "1.0.0"},
        "do": [{"c": {"call": name, "with": arguments}}],
    }
    assert any(one.severity == "error" for one in problems(document)), json.dumps(arguments)
