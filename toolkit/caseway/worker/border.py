"""Stands at the border of a workflow under test: answers from stubs, keeps a record of the requests.

Rule: nothing under test reaches the network; a call without a stub fails the task that made it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from caseway_runner import StubAnswer, StubCall, WorkflowError

UNSTUBBED = "https://caseway.dev/errors/unstubbed"
_PROCESSES = {"shell", "script", "container"}
_STUBBED = {*_PROCESSES, "approval"}  # what never happens by itself in a test

Stubs = Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class Border:
    """A `Stub` made from a WorkflowTest's `stubs`, and (through `transport`) the network it lives in.

    The first stub that matches answers; several with the same matcher answer one after the other, the last
    one for good. A stubbed response passes through the real HTTP code. `processes` lets shell and script
    tasks without a stub run for real.
    """

    stubs: Stubs = ()
    processes: bool = False
    requests: list[Mapping[str, Any]] = field(default_factory=list)
    unstubbed: list[str] = field(default_factory=list)
    _used: set[int] = field(default_factory=set)

    def __call__(self, call: StubCall) -> StubAnswer | None:
        """The stub's output or error; None lets the call go on: to the stubbed network, or for real."""
        request = request_of(call.arguments) if call.kind == "http" else None
        first = next((stub for stub in self.stubs if _fits(stub, call, request)), None)
        if first is None:
            return None if request is not None else self._without_stub(call)
        if "response" in first:
            return None
        if request is not None:
            self.requests.append(request)
        stub = self._turn_of(first)
        if "error" in stub:
            return StubAnswer(error=_error(stub["error"], call.reference))
        return StubAnswer(output=stub.get("returns"))

    def answer(self, request: httpx.Request) -> httpx.Response:
        """What the stubbed network answers. Raises `httpx.ConnectError` when no stub matches."""
        seen = _seen(request)
        self.requests.append(seen)
        stubs = [stub for stub in self.stubs if "response" in stub]
        first = next((stub for stub in stubs if is_request(seen, stub["request"])), None)
        if first is None:
            what = f"{seen['method']} {seen['url']} has no stub"
            self.unstubbed.append(what)
            raise httpx.ConnectError(what, request=request)
        return _response(self._turn_of(first).get("response", {}), request)

    @property
    def transport(self) -> httpx.AsyncBaseTransport:
        """The network as `Ports.http_transport` takes it."""
        return httpx.MockTransport(self.answer)

    def _turn_of(self, first: Mapping[str, Any]) -> Mapping[str, Any]:
        alike = [at for at, stub in enumerate(self.stubs) if _matcher(stub) == _matcher(first)]
        chosen = next((at for at in alike if at not in self._used), alike[-1])
        self._used.add(chosen)
        return self.stubs[chosen]

    def _without_stub(self, call: StubCall) -> StubAnswer | None:
        if call.kind not in _STUBBED or (self.processes and call.kind in _PROCESSES):
            return None
        what = f"the {call.kind} of task {call.name} ({call.reference}) has no stub"
        self.unstubbed.append(what)
        return StubAnswer(error=WorkflowError(UNSTUBBED, 500, "No stub", what, call.reference))


def request_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an HTTP call as `{method, url, body?}`; the query is part of the URL."""
    url = str(arguments.get("url", ""))
    query = httpx.QueryParams(arguments.get("query") or {})
    request = {
        "method": str(arguments.get("method", "GET")).upper(),
        "url": f"{url}{'&' if '?' in url else '?'}{query}" if query else url,
    }
    return request if arguments.get("body") is None else {**request, "body": arguments["body"]}


def _seen(request: httpx.Request) -> dict[str, Any]:
    seen: dict[str, Any] = {"method": request.method.upper(), "url": str(request.url)}
    if not request.content:
        return seen
    text = request.content.decode("utf-8", "replace")
    try:
        return {**seen, "body": json.loads(text)}
    except ValueError:
        return {**seen, "body": text}


def _matcher(stub: Mapping[str, Any]) -> tuple[Any, Any]:
    return stub.get("task"), stub.get("request")


def _fits(stub: Mapping[str, Any], call: StubCall, request: Mapping[str, Any] | None) -> bool:
    if "task" in stub:
        return stub["task"] in (call.name, call.reference)
    return request is not None and "request" in stub and is_request(request, stub["request"])


def is_request(request: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether `request` is one that `wanted` describes: method (`*` is any, GET by default), URL (`*` stands
    for any characters, the query may be left out), and the body exactly, when it is given."""
    method = str(wanted.get("method", "GET")).upper()
    url, pattern = request["url"], str(wanted.get("url", "*"))
    if method not in {"*", request["method"]} or not (_glob(url, pattern) or _glob(_path(url), pattern)):
        return False
    return "body" not in wanted or is_equal(request.get("body"), wanted["body"])


def _path(url: str) -> str:
    return url.partition("?")[0]


def _glob(text: str, pattern: str) -> bool:
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(expression, text, re.DOTALL) is not None


def is_equal(actual: Any, expected: Any) -> bool:
    """Whether two JSON values are the same; 1 and 1.0 are, 1 and true are not."""
    return contains(actual, expected) and contains(expected, actual)


def contains(actual: Any, expected: Any) -> bool:
    """Whether `actual` has at least what `expected` says: extra members of objects do not matter."""
    if isinstance(expected, Mapping):
        return isinstance(actual, Mapping) and all(
            key in actual and contains(actual[key], item) for key, item in expected.items()
        )
    if isinstance(expected, (list, tuple)):
        return (
            isinstance(actual, (list, tuple))
            and len(actual) == len(expected)
            and all(contains(one, other) for one, other in zip(actual, expected, strict=True))
        )
    if isinstance(actual, bool) or isinstance(expected, bool):
        return actual is expected
    return bool(actual == expected)


def _error(error: Mapping[str, Any], reference: str) -> WorkflowError:
    return WorkflowError(
        type=error["type"],
        status=int(error["status"]),
        title=error.get("title", ""),
        detail=error.get("detail", ""),
        instance=error.get("instance", reference),
    )


def _response(response: Mapping[str, Any], request: httpx.Request) -> httpx.Response:
    status, headers = int(response.get("status", 200)), response.get("headers", {})
    body = response.get("body")
    if body is None:
        return httpx.Response(status, headers=headers, request=request)
    if isinstance(body, str):
        return httpx.Response(status, headers=headers, text=body, request=request)
    return httpx.Response(status, headers=headers, json=body, request=request)
