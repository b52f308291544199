"""The doors of instances: `/hooks/<instance>/<path>` starts a workflow, `…/executions/<id>` tells of it.

Rule: a request passes `admit` before anything is written; what starts is durable before it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response

from caseway.model.errors import CasewayError
from caseway.platform.bundle import Platform
from caseway.platform.creation import Made
from caseway.platform.triggers.admit import Admitted, Gate, admit, found_door, key_of, too_large
from caseway.platform.triggers.doors import MOST_BODY, Network
from caseway.platform.triggers.entrance import Entrances
from caseway.platform.triggers.inputs import Request
from caseway.platform.triggers.rates import Rates
from caseway.platform.triggers.refusal import Refusal
from caseway.platform.triggers.repeated import refuse_another
from caseway.platform.triggers.results import Result, ended_among, result_of
from caseway.platform.triggers.start import Start, start_in
from caseway.server.hooks import triggers_answers as answers
from caseway.server.hooks.triggers_ends import Ends
from caseway.server.hooks.triggers_stream import stream

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Doors:
    """What the routes need: who decides, how an execution starts, how one hears of its end."""

    platform: Platform
    gate: Gate
    start: Start
    ends: Ends


def doors_of(platform: Platform, *, start: Start | None = None, trusted: Sequence[Network] = ()) -> Doors:
    """The doors of a platform. `start` may be a faster way than one transaction each; `trusted` are the
    proxies whose `X-Forwarded-For` counts."""
    gate = Gate(Entrances(platform), Rates(platform), tuple(trusted))
    return Doors(platform, gate, start or start_in(platform), Ends(partial(ended_among, platform)))


def router(doors: Doors) -> APIRouter:
    """The routes, to be included in an application after `/hooks/push`."""
    made = APIRouter(tags=["triggers"])

    @made.get(
        "/hooks/{instance_id}/executions/{execution_id}",
        summary="How an execution that a trigger started stands",
        description="With the same API key. `Accept: text/event-stream` follows it to its end.",
        responses={200: {"description": "The execution"}, 401: {"description": "A key is needed"}},
        response_class=Response,
    )
    async def poll(instance_id: str, execution_id: str, request: HttpRequest) -> Response:
        try:
            return await _poll(doors, instance_id, execution_id, request)
        except CasewayError as error:
            return answers.problem(error)

    @made.api_route(
        "/hooks/{instance_id}/{path:path}",
        methods=_METHODS,
        summary="Start a workflow through its http trigger",
        include_in_schema=False,  # the methods and inputs are those of the triggers: `caseway instance get`
    )
    async def call(instance_id: str, path: str, request: HttpRequest) -> Response:
        try:
            return await _call(doors, instance_id, path, request)
        except CasewayError as error:
            return answers.problem(error)

    return made


async def _call(doors: Doors, instance_id: str, path: str, request: HttpRequest) -> Response:
    admitted = await _admitted(doors, instance_id, path, request)
    if admitted.challenge:
        return PlainTextResponse(admitted.challenge)
    started = await _started(doors, admitted)
    response = "async" if _prefers_async(request) else admitted.door.response
    if response == "stream":
        return stream(doors.platform, (instance_id, started.id), doors.ends.ending)
    url = _url(doors, instance_id, started.id)
    if response == "sync":
        result = await doors.ends.wait(started.id, admitted.door.wait)
        if result is not None:
            return answers.output(result, is_new=started.is_new)
        return answers.accepted(started.id, url, status="running", is_new=started.is_new)
    return answers.accepted(
        started.id, url, status=await _status(doors, instance_id, started), is_new=started.is_new
    )


async def _started(doors: Doors, admitted: Admitted) -> Made:
    """The execution, in the store for good. What served may have changed since the request was admitted."""
    try:
        made = await doors.start(admitted.new)
        if not made.is_new:
            await asyncio.to_thread(refuse_another, doors.platform, admitted, made)
        return made
    except CasewayError as error:
        if error.code not in {"not-found", "not-deployed", "workflow"}:
            raise
        raise Refusal("this trigger is gone by now", code="no-trigger", hint=error.hint) from error


async def _status(doors: Doors, instance_id: str, started: Made) -> str:
    """A new execution is pending; of one that was there before the caller wants to know more."""
    if started.is_new:
        return "pending"
    found = await asyncio.to_thread(result_of, doors.platform, instance_id, started.id)
    return found.status if found is not None else "pending"


async def _admitted(doors: Doors, instance_id: str, path: str, request: HttpRequest) -> Admitted:
    """The request past every check; a large body is not even read before its trigger allows it."""
    head = _head(path, request)
    length = request.headers.get("content-length", "")
    most = MOST_BODY
    if not length.isdigit() or int(length) > MOST_BODY:
        _, door, _ = await asyncio.to_thread(found_door, doors.gate, instance_id, head)
        most = door.most_body
    body = await _body(request, most) if length != "0" else b""
    whole = Request(head.method, head.path, head.headers, head.query, body, head.peer)
    return await asyncio.to_thread(admit, doors.gate, instance_id, whole)


def _head(path: str, request: HttpRequest) -> Request:
    headers: dict[str, str] = {}
    for name, text in request.headers.items():
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    peer = request.client.host if request.client is not None else ""
    return Request(request.method, path, headers, tuple(request.query_params.multi_items()), b"", peer)


async def _body(request: HttpRequest, most: int) -> bytes:
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > most:
            raise too_large(most)
        parts.append(part)
    return b"".join(parts)


async def _poll(doors: Doors, instance_id: str, execution_id: str, request: HttpRequest) -> Response:
    result = await asyncio.to_thread(_seen, doors, instance_id, execution_id, _head("", request))
    if "text/event-stream" in request.headers.get("accept", ""):
        return stream(doors.platform, (instance_id, execution_id), doors.ends.ending)
    return answers.one_result(result, _url(doors, instance_id, execution_id))


def _seen(doors: Doors, instance_id: str, execution_id: str, request: Request) -> Result:
    """The execution, for who holds the instance's key; its unguessable id is enough where the trigger that
    started it asks for no key."""
    entrance = doors.gate.entrances.of(instance_id)
    found = result_of(doors.platform, instance_id, execution_id)
    is_open = found is not None and any(
        door.auth == "none"
        and found.trigger == "http"
        and (door.workflow, door.trigger_id) == (found.workflow, found.trigger_id)
        for door in entrance.doors
    )
    if not is_open:
        key_of(doors.gate, entrance, request)
    if found is None:
        raise Refusal("this instance has no such execution", code="not-found")
    return found


def _prefers_async(request: HttpRequest) -> bool:
    wishes = request.headers.get("prefer", "").lower().split(",")
    return "respond-async" in {wish.strip() for wish in wishes}


def _url(doors: Doors, instance_id: str, execution_id: str) -> str:
    """Where to ask for an execution: a full URL where the platform knows its own, never from a request."""
    return f"{doors.platform.base_url.rstrip('/')}/hooks/{instance_id}/executions/{execution_id}"
