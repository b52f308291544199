"""Reads what an HTTP request says into the fields of an operation's request: path, query, headers, body."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request

from caseway.model.errors import CasewayError
from caseway.operations.decode import FieldError, InvalidRequest
from caseway.operations.operation import Operation
from caseway.operations.placing import WITH_BODY, placed

JSON_TYPES = ("application/json", "+json")


async def given_in(request: Request, operation: Operation) -> tuple[dict[str, Any], frozenset[str]]:
    """The values by JSON name, and which of them came as text."""
    where = placed(operation)
    given: dict[str, Any] = {**_query(request, operation), **request.path_params}
    text = set(given)
    for item in where["header"]:
        value = request.headers.get(item.about.header)
        if value is not None:
            given[item.json] = value
    if operation.method in WITH_BODY:
        body = await _body(request)
        foreign = [name for name in body if name in text or any(name == one.json for one in where["header"])]
        if foreign:
            raise InvalidRequest(FieldError(name, "does not go into the body") for name in foreign)
        given |= body
    return given, frozenset(text)


def _query(request: Request, operation: Operation) -> dict[str, str]:
    found: dict[str, str] = {}
    taken = {item.json for item in placed(operation)["query"]}
    for name, value in request.query_params.multi_items():
        if name not in taken:
            raise InvalidRequest([FieldError(name, "there is no such query parameter")])
        if name in found:
            raise InvalidRequest([FieldError(name, "is given more than once")])
        found[name] = value
    return found


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    if not raw:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind.endswith(JSON_TYPES):
        raise CasewayError(
            f"the body is {kind or 'of no type'}, not JSON",
            code="media-type",
            hint="send it with `Content-Type: application/json`",
        )
    try:
        value = json.loads(raw, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        place = f"line {error.lineno} column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise CasewayError(
            "the body is no JSON", code="bad-json", place=place, hint=str(error)[:200]
        ) from error
    if not isinstance(value, dict):
        raise CasewayError("the body is no JSON object", code="bad-json", hint="send an object")
    return value


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")
