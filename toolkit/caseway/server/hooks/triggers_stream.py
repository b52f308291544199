"""An execution as a stream of server-sent events: `status`, `task` as they change, `end` with the result."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.responses import StreamingResponse

from caseway.platform.bundle import Platform
from caseway.platform.trail import TaskView, tasks
from caseway.platform.triggers.results import Result, result_of
from caseway.server.hooks.triggers_answers import EXECUTION

EVERY = 0.2  # seconds between two looks
QUIET = 15.0  # seconds after which a comment shows proxies that somebody is there


def stream(platform: Platform, whose: tuple[str, str], ending: asyncio.Event) -> StreamingResponse:
    """The execution from where it is to its end, or the server's; `whose` are the instance's id and its own.
    Who comes late, or again, hears of every task once."""
    instance_id, execution_id = whose
    events = _events(
        lambda: result_of(platform, instance_id, execution_id), lambda: tasks(platform, execution_id), ending
    )
    return StreamingResponse(
        events,
        headers={"cache-control": "no-store", "x-accel-buffering": "no", EXECUTION: execution_id},
        media_type="text/event-stream",
    )


async def _events(
    look: Callable[[], Result | None], look_closer: Callable[[], list[TaskView]], ending: asyncio.Event
) -> AsyncIterator[bytes]:
    heard: dict[str, str] = {}
    status, quiet = "", 0.0
    while (result := await asyncio.to_thread(look)) is not None:
        said = []
        if result.status != status:
            status = result.status
            said.append(_event("status", {"id": result.id, "status": status, "reason": result.reason}))
        for task in await asyncio.to_thread(look_closer):
            shown = _task(task)
            text = json.dumps(shown, sort_keys=True, default=str)
            if heard.get(task.position) != text:
                heard[task.position] = text
                said.append(_event("task", shown))
        if result.has_ended:
            said.append(_event("end", result.as_json()))
        quiet = 0.0 if said else quiet + EVERY
        if quiet >= QUIET:
            said, quiet = [b": still there\n\n"], 0.0
        for each in said:
            yield each
        if result.has_ended or ending.is_set():
            return
        await asyncio.sleep(EVERY)


def _task(task: TaskView) -> dict[str, Any]:
    return {
        "reference": task.reference,
        "position": task.position,
        "name": task.name,
        "status": task.status,
        "startedAt": task.started_at,
        "endedAt": task.ended_at,
        "attempts": task.attempts,
    }


def _event(name: str, value: Any) -> bytes:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=dict)
    return f"event: {name}\ndata: {text}\n\n".encode("utf-8", "surrogatepass")
