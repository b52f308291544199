"""JSON-RPC 2.0 as agents and their tools speak it: answers, event streams and error codes. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from caseway_runner.errors import Fault, fault

# The nearest HTTP status; codes of -32001 and below are the Agent2Agent protocol's own.
_STATUS = {
    -32700: 400,
    -32600: 400,
    -32601: 501,
    -32602: 400,
    -32001: 404,
    -32002: 409,
    -32003: 501,
    -32004: 501,
    -32005: 415,
}


def failure(where: str, code: Any, message: Any, data: Any = None) -> Fault:
    """The communication fault for an error object."""
    more = f" ({json.dumps(data, ensure_ascii=False)[:1000]})" if data is not None else ""
    status = _STATUS.get(code, 500) if isinstance(code, int) else 500
    return fault("communication", f"{where} answered error {code}: {message}{more}", status=status)


def result_of(answer: Any, where: str) -> Any:
    """The result in a response object. Raises the communication fault for an error in it."""
    if not isinstance(answer, Mapping):
        raise fault("communication", f"{where} did not answer with a JSON-RPC object")
    error = answer.get("error")
    if isinstance(error, Mapping):
        raise failure(where, error.get("code"), error.get("message"), error.get("data"))
    if "result" not in answer:
        raise fault("communication", f"{where} answered with neither result nor error")
    return answer["result"]


def events(text: str) -> Iterator[str]:
    """The data of each server-sent event."""
    data: list[str] = []
    for line in [*text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), ""]:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []
