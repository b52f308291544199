"""Where CloudEvents come in: `POST /hooks/events`, in any of the three forms of their HTTP binding.

Rule: events reach everybody in an organization, so the key of one instance is not enough to send them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from starlette.responses import Response

from caseway.model.access import Caller, Kind, Permission, Scope, Subject, may
from caseway.model.errors import CasewayError
from caseway.platform import inbox
from caseway.platform.bundle import Platform
from caseway.platform.triggers.admit import too_large
from caseway.platform.triggers.cloud_events import events_in
from caseway.platform.triggers.refusal import Refusal
from caseway.server.hooks import triggers_answers as answers

MOST_BODY = 10_000_000  # a batch may be larger than one request of a trigger

CallerOf = Callable[[HttpRequest], Caller]  # who asks; raises `CasewayError` for a token that is not known


def events_router(platform: Platform, caller_of: CallerOf) -> APIRouter:
    """The route, to be included before those of the triggers."""
    made = APIRouter(tags=["events"])

    @made.post(
        "/hooks/events",
        summary="Send CloudEvents to event triggers and to executions that listen",
        description="Structured, batched or binary mode of the CloudEvents HTTP binding; a token with the "
        "scope `trigger`. The same source and id again change nothing.",
        status_code=202,
        response_class=Response,
        responses={202: {"description": "Taken in, for good"}},
    )
    async def receive(request: HttpRequest) -> Response:
        try:
            return await _receive(platform, caller_of, request)
        except CasewayError as error:
            return answers.problem(error)

    @made.options("/hooks/events", include_in_schema=False)
    async def agree(request: HttpRequest) -> Response:
        """The handshake of the CloudEvents webhook specification: whoever has a token may deliver."""
        headers = {"allow": "POST", "webhook-allowed-rate": "*"}
        origin = request.headers.get("webhook-request-origin", "")
        if origin:
            headers["webhook-allowed-origin"] = origin[:200]
        return Response(status_code=200, headers=headers)

    return made


async def _receive(platform: Platform, caller_of: CallerOf, request: HttpRequest) -> Response:
    caller = await asyncio.to_thread(caller_of, request)
    _refuse(caller)
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MOST_BODY:
        raise too_large(MOST_BODY)
    parts, seen = [], 0
    async for part in request.stream():
        seen += len(part)
        if seen > MOST_BODY:
            raise too_large(MOST_BODY)
        parts.append(part)
    headers: Mapping[str, str] = dict(request.headers)
    events = await asyncio.to_thread(events_in, headers, b"".join(parts))
    done = await asyncio.to_thread(
        inbox.deliver_all, platform, caller.organization, events, actor=f"{caller.kind}:{caller.name}"
    )
    told = [
        {"id": event["id"], "source": event["source"], "isNew": one.is_new, "started": list(one.started)}
        for event, one in zip(events, done.each, strict=True)
    ]
    return answers.json_answer({"events": told, "woken": len(done.woken)}, status=202)


def _refuse(caller: Caller) -> None:
    """A person needs the permission in the whole organization; a service account the scope alone."""
    if caller.kind == "anonymous":
        raise Refusal("a token is needed", code="unauthenticated", hint="send Authorization: Bearer TOKEN")
    subject = Subject(caller.organization, Kind.ORGANIZATION, id=caller.organization)
    decision = may(caller, Permission.TRIGGER, subject)
    is_service = caller.kind == "service" and Scope.TRIGGER in caller.scopes and not caller.project
    if not (decision.allowed or is_service):
        raise Refusal(decision.reason or "not allowed", code="forbidden")
