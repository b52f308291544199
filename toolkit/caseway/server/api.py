"""The routes of the API, one for each operation of the table."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from caseway.model.canonical import canonical
from caseway.operations.authorize import require_somebody
from caseway.operations.operation import Answer, Operating, Operation
from caseway.operations.perform import perform
from caseway.server.auth import caller_of_request
from caseway.server.remembering import remembered
from caseway.server.requests import given_in
from caseway.server.serving import serving_of
from caseway.server.streaming import stream

Endpoint = Callable[[Request], Awaitable[Response]]


def add_routes(app: FastAPI, operations: Mapping[str, Operation]) -> None:
    """Give each operation its route."""
    for operation in operations.values():
        app.add_api_route(
            operation.path,
            endpoint(operation),
            methods=[operation.method],
            name=operation.name,
            status_code=operation.status,
            include_in_schema=False,  # the document is made from the table itself
            response_model=None,
        )


def endpoint(operation: Operation) -> Endpoint:
    """What answers the requests of one operation."""

    async def handle(request: Request) -> Response:
        serving = serving_of(request)
        caller = await run_in_threadpool(caller_of_request, request, serving.platform, serving.authenticate)
        operating = Operating(serving.platform, caller)
        require_somebody(operating, operation)
        given, text = await given_in(request, operation)

        def work() -> Any:
            return perform(operating, operation, given, text=text)

        if operation.answer is Answer.STREAM:
            return stream(request, await run_in_threadpool(work))
        if not operation.is_write:
            return _tagged(request, operation, await run_in_threadpool(work))
        key = request.headers.get("idempotency-key")
        if key is None:
            return _tagged(request, operation, await run_in_threadpool(work))
        return await run_in_threadpool(remembered, operating, operation, key, (given, work))

    return handle


def _tagged(request: Request, operation: Operation, told: dict[str, Any]) -> Response:
    if not operation.has_etag:
        return JSONResponse(told, operation.status)
    tag = etag(told)
    if not operation.is_write and request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return JSONResponse(told, operation.status, {"ETag": tag})


def etag(told: Mapping[str, Any]) -> str:
    """A strong ETag: when it was changed last (that is what If-Match is held against), and what it says."""
    said = hashlib.sha256(canonical(told).encode("utf-8")).hexdigest()[:16]
    return f'"{told.get("updatedAt", "")}.{said}"'
