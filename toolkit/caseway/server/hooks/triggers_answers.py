"""Answers to callers of triggers: outputs, executions, and problems (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from caseway.model.errors import CasewayError
from caseway.platform.triggers.results import Result
from caseway.server.problems import MEDIA_TYPE, TYPE, answer

_ERRORS = "https://serverlessworkflow.io/spec/1.0.0/errors/"
# What went wrong behind the workflow is not the caller's fault, whatever status it came with.
_BEHIND = {
    "communication": HTTPStatus.BAD_GATEWAY,
    "authentication": HTTPStatus.BAD_GATEWAY,
    "authorization": HTTPStatus.BAD_GATEWAY,
    "timeout": HTTPStatus.GATEWAY_TIMEOUT,
    "validation": HTTPStatus.INTERNAL_SERVER_ERROR,
    "expression": HTTPStatus.INTERNAL_SERVER_ERROR,
    "configuration": HTTPStatus.INTERNAL_SERVER_ERROR,
    "runtime": HTTPStatus.INTERNAL_SERVER_ERROR,
}
EXECUTION = "caseway-execution"  # the header that names the execution of an answer


def json_answer(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON body."""
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Response(body, status, dict(headers or {}), media_type="application/json")


def problem(error: CasewayError) -> Response:
    """Why the request started nothing."""
    return answer(error, headers=getattr(error, "headers", {}))


def accepted(execution_id: str, url: str, *, status: str = "pending", is_new: bool = True) -> Response:
    """202: the execution, and where to ask for it."""
    headers = {"location": url, "retry-after": "1", EXECUTION: execution_id, **_replayed(is_new)}
    return json_answer({"id": execution_id, "status": status, "url": url}, status=202, headers=headers)


def output(result: Result, *, is_new: bool = True) -> Response:
    """What a caller who waited gets: the output, or the problem that the execution ended with."""
    headers = {EXECUTION: result.id, **_replayed(is_new)}
    if result.status == "completed":
        return json_answer(result.output, headers=headers)
    error = result.error if isinstance(result.error, Mapping) else {}
    status = _status(error, result.status)
    found = {
        "type": error.get("type") or f"{TYPE}execution-{result.status}",
        "title": error.get("title") or status.phrase,
        "status": status.value,
        "detail": error.get("detail") or f"the execution was {result.status}: {result.reason}",
        "code": f"execution-{result.status}",
        "execution": result.id,
    }
    return _problem(found, headers)


def one_result(result: Result, url: str) -> Response:
    """An execution, for who asks again and again."""
    headers = {EXECUTION: result.id} if result.has_ended else {EXECUTION: result.id, "retry-after": "1"}
    return json_answer({**result.as_json(), "url": url}, headers={**headers, "cache-control": "no-store"})


def _status(error: Mapping[str, Any], status: str) -> HTTPStatus:
    kind = str(error.get("type") or "")
    if kind.startswith(_ERRORS) and kind.removeprefix(_ERRORS) in _BEHIND:
        return _BEHIND[kind.removeprefix(_ERRORS)]
    number = error.get("status")
    try:
        found = HTTPStatus(int(number)) if number is not None else None
    except (ValueError, TypeError):
        found = None
    if found is not None and found >= HTTPStatus.BAD_REQUEST:
        return found
    return HTTPStatus.CONFLICT if status == "cancelled" else HTTPStatus.INTERNAL_SERVER_ERROR


def _replayed(is_new: bool) -> dict[str, str]:
    return {} if is_new else {"idempotency-replayed": "true"}


def _problem(found: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    body = json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Response(body, int(found["status"]), dict(headers), media_type=MEDIA_TYPE)
