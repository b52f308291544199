"""Server-sent events from a stream that is looked at again and again; `Last-Event-ID` goes on after one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from caseway.model.errors import CasewayError
from caseway.operations.operation import Event, Follow
from caseway.server.problems import document
from caseway.server.serving import serving_of

LOOK_SECONDS = 0.2  # between two looks of a stream that has nothing new
SILENCE = 15.0  # after so long without an event a comment keeps proxies from closing the connection
RETRY_MILLISECONDS = 1000


def stream(request: Request, follow: Follow) -> StreamingResponse:
    """The response that tells events as they come, until their end or the server's."""
    after = request.headers.get("last-event-id", "")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_lines(request, follow, after), media_type="text/event-stream", headers=headers)


async def _lines(request: Request, follow: Follow, after: str) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    serving, silent = serving_of(request), 0.0
    while not serving.is_draining:
        try:
            look = await run_in_threadpool(follow, after)
        except CasewayError as error:
            yield _event(Event(after, "error", document(error)))
            return
        for event in look.events:
            after = event.id
            yield _event(event)
        if look.is_over:
            yield _event(Event(after, "end", {}))
            return
        silent = 0.0 if look.events else silent + LOOK_SECONDS
        if silent >= SILENCE:
            silent = 0.0
            yield ": still here\n\n"
        if not look.events:
            await _pause(serving.ending)


async def _pause(ending: asyncio.Event) -> None:
    """Wait a moment, or until the server ends: the client comes back to another one."""
    try:
        await asyncio.wait_for(ending.wait(), LOOK_SECONDS)
    except TimeoutError:
        return


def _event(event: Event) -> str:
    data = json.dumps(event.data, ensure_ascii=False, separators=(",", ":"))
    return f"id: {event.id}\nevent: {event.kind}\ndata: {data}\n\n"
