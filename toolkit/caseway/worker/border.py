"""Stands at the border of a workflow under test: answers from stubs, keeps a record of the requests.

Rule: nothing under test reaches the network; a call without a stub fails the task that made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from caseway_runner import StubAnswer, StubCall, WorkflowError

UNSTUBBED = "https://caseway.dev/errors/unstubbed"
_PROCESSES = {"shell", "script", "container"}


@dataclass(slots=True)
class Border:
    """A `Stub` made from a WorkflowTest's `stubs`. Several stubs for the same call answer one after the other,
    the last one for good. `processes` lets shell and script tasks without a stub run for real."""

    stubs: Sequence[Mapping[str, Any]] = ()
    processes: bool = False
    requests: list[Mapping[str, Any]] = field(default_factory=list)
    unstubbed: list[str] = field(default_factory=list)
    _used: set[int] = field(default_factory=set)

    def __call__(self, call: StubCall) -> StubAnswer | None:
        """The answer of the first stub that fits and is not used up."""
        if call.kind == "http":
            self.requests.append(request_of(call.arguments))
        fitting = [at for at, stub in enumerate(self.stubs) if _fits(stub, call)]
        if not fitting:
            return self._without_stub(call)
        chosen = next((at for at in fitting if at not in self._used), fitting[-1])
        self._used.add(chosen)
        return _answer(self.stubs[chosen], call)

    def _without_stub(self, call: StubCall) -> StubAnswer | None:
        if call.kind == "workflow" or (call.kind in _PROCESSES and self.processes):
            return None
        what = f"{call.kind} call of task {call.name} ({call.reference}) has no stub"
        if call.kind == "http":
            request = self.requests[-1]
            what = f"{request['method']} {request['url']} of task {call.name} ({call.reference}) has no stub"
        self.unstubbed.append(what)
        return StubAnswer(error=WorkflowError(UNSTUBBED, 500, "No stub", what, call.reference))

    def unused(self) -> list[Mapping[str, Any]]:
        """Stubs that never answered."""
        return [stub for at, stub in enumerate(self.stubs) if at not in self._used]


def request_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """An HTTP call's arguments as `{method, url, headers?, query?, body?}`."""
    endpoint = arguments.get("endpoint", arguments.get("url", arguments.get("uri", "")))
    if isinstance(endpoint, Mapping):
        endpoint = endpoint.get("uri", "")
    request: dict[str, Any] = {"method": str(arguments.get("method", "get")).upper(), "url": str(endpoint)}
    for name in ("headers", "query", "body"):
        if arguments.get(name) not in (None, {}):
            request[name] = arguments[name]
    return request


def _fits(stub: Mapping[str, Any], call: StubCall) -> bool:
    if "task" in stub:
        return stub["task"] in (call.name, call.reference)
    wanted = stub.get("request")
    if wanted is None or call.kind != "http":
        return False
    request = request_of(call.arguments)
    if wanted.get("method", request["method"]).upper() != request["method"]:
        return False
    if not fnmatchcase(request["url"], wanted.get("url", "*")):
        return False
    return "body" not in wanted or contains(request.get("body"), wanted["body"])


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
    return type(actual) is type(expected) and actual == expected or _same_number(actual, expected)


def _same_number(actual: Any, expected: Any) -> bool:
    numbers = (int, float)
    if isinstance(actual, bool) or isinstance(expected, bool):
        return False
    return isinstance(actual, numbers) and isinstance(expected, numbers) and actual == expected


def _answer(stub: Mapping[str, Any], call: StubCall) -> StubAnswer:
    error = stub.get("error")
    if error is not None:
        return StubAnswer(error=_error(error, call))
    response = stub.get("response")
    if response is None:
        return StubAnswer(output=stub.get("returns"))
    return http_answer(response, call)


def _error(error: Mapping[str, Any], call: StubCall) -> WorkflowError:
    return WorkflowError(
        type=error.get("type", "https://serverlessworkflow.io/spec/1.0.0/errors/communication"),
        status=int(error.get("status", 500)),
        title=error.get("title", ""),
        detail=error.get("detail", ""),
        instance=error.get("instance", call.reference),
    )


def http_answer(response: Mapping[str, Any], call: StubCall) -> StubAnswer:
    """What a real HTTP call would have made of `response`: an error outside 2xx (and 3xx without `redirect`),
    else the form its `output` asks for."""
    status = int(response.get("status", 200))
    body, headers = response.get("body"), dict(response.get("headers", {}))
    most = 400 if call.arguments.get("redirect") else 300
    if not 200 <= status < most:
        kind = "authentication" if status == 401 else "authorization" if status == 403 else "communication"
        detail = body if isinstance(body, str) else ""
        error = {"type": f"https://serverlessworkflow.io/spec/1.0.0/errors/{kind}", "status": status,
                 "title": f"HTTP {status}", "detail": detail}  # fmt: skip
        return StubAnswer(error=_error(error, call))
    form = call.arguments.get("output", "content")
    if form == "response":
        request = request_of(call.arguments)
        uri = {"method": request["method"], "uri": request["url"], "headers": request.get("headers", {})}
        return StubAnswer(output={"request": uri, "statusCode": status, "headers": headers, "content": body})
    return StubAnswer(output=body)
