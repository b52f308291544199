"""`POST /hooks/push`: a forge tells of a push; it is answered at once, and the project looked at after.

Rule: nothing that a delivery says is believed but that there is something to look at, and that only when it
is signed with the project's own secret."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from caseway.model.errors import CasewayError
from caseway.platform import pulling
from caseway.platform.bundle import Platform
from caseway.platform.pulling import Remote
from caseway.platform.pulling_deliveries import Pushed, take

MOST_BODY = 25_000_000  # bytes: what GitHub sends at most
_ID = re.compile(r"[A-Za-z0-9._:-]{8,100}")
_URLS = (
    "clone_url",
    "ssh_url",
    "html_url",
    "git_url",
    "git_http_url",
    "git_ssh_url",
    "web_url",
    "url",
    "http_url",
)
_GONE = re.compile(r"0+")


@dataclass(frozen=True, slots=True)
class Forge:
    """How one kind of forge speaks: headers of the event, of the delivery's id, and of what proves it."""

    name: str
    event: str
    delivery: tuple[str, ...]
    push: frozenset[str]
    ping: frozenset[str] = frozenset()


FORGES = (
    Forge("gitea", "x-gitea-event", ("x-gitea-delivery",), frozenset({"push"})),
    Forge("github", "x-github-event", ("x-github-delivery",), frozenset({"push"}), frozenset({"ping"})),
    Forge(
        "gitlab",
        "x-gitlab-event",
        ("x-gitlab-event-uuid", "idempotency-key", "x-gitlab-webhook-uuid"),
        frozenset({"Push Hook", "Tag Push Hook"}),
    ),
)


def router(platform: Platform) -> APIRouter:
    """The route, to be included before those of `/hooks/<instance>/…`."""
    made = APIRouter(tags=["hooks"])

    @made.post(
        "/hooks/push",
        summary="A forge tells of a push",
        description="GitHub, GitLab and Gitea, signed with the secret of the project. Answers at once.",
        status_code=202,
        responses={401: {"description": "Not signed with the project's secret"}},
    )
    async def push(request: Request) -> Response:
        body = await _body(request)
        answer = await asyncio.to_thread(received, platform, dict(request.headers), body)
        return JSONResponse(answer, status_code=202)

    return made


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY:
            raise CasewayError("the delivery is too large", code="too-large")
    return bytes(body)


def received(platform: Platform, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """What the forge is told: `status` is queued, known, or ignored with a reason.

    Raises `CasewayError`: `bad-request`, `unauthenticated`."""
    known = {name.lower(): value for name, value in headers.items()}
    forge = next((item for item in FORGES if item.event in known), None)
    if forge is None:
        raise _bad("it has no event header of GitHub, GitLab or Gitea")
    payload = _payload(known, body)
    remote = _proven(platform, forge, known, body, payload)
    event = known[forge.event]
    if event in forge.ping:
        return {"status": "ignored", "reason": "a ping: the hook works", "project": remote.project}
    if event not in forge.push:
        return {"status": "ignored", "reason": f"{event[:40]} is no push", "project": remote.project}
    ref, commit = str(payload.get("ref") or ""), str(payload.get("after") or "")
    if not ref or _GONE.fullmatch(commit):
        return {"status": "ignored", "reason": "a ref was removed", "project": remote.project}
    delivery = _delivery(forge, known, body)
    pushed = Pushed(delivery, forge.name, remote.organization, remote.project, ref[:300], commit[:64])
    is_new = take(platform, pushed)
    return {"status": "queued" if is_new else "known", "delivery": delivery, "project": remote.project}


def _payload(headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    text = body
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
        text = (fields.get("payload") or [""])[0].encode()
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad("its body is no JSON") from error
    if not isinstance(payload, dict):
        raise _bad("its body is no JSON object")
    return payload


def _proven(
    platform: Platform, forge: Forge, headers: Mapping[str, str], body: bytes, payload: Mapping[str, Any]
) -> Remote:
    """The project whose repository this is about and with whose secret it is signed. Who it is about and
    that the signature is wrong look the same from outside."""
    about = set(_addresses(payload))
    for remote, secret in pulling.candidates(platform, lambda url: _same(url) in about):
        if _is_signed(forge, headers, body, secret):
            return remote
    raise CasewayError(
        "this delivery is not signed with the secret of a project that is pulled from there",
        code="unauthenticated",
        hint="set the hook's secret to the one given with 'caseway project add --hook-secret'",
    )


def _is_signed(forge: Forge, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    if forge.name == "gitlab":
        return hmac.compare_digest(headers.get("x-gitlab-token", "").encode(), secret.encode())
    made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    given = headers.get("x-hub-signature-256", "").removeprefix("sha256=")
    if forge.name == "gitea":
        given = headers.get("x-gitea-signature", "") or given
    return hmac.compare_digest(given.encode(), made.encode())


def _addresses(payload: Mapping[str, Any]) -> Iterator[str]:
    """Every address that the payload gives its repository, in one spelling."""
    for key in ("repository", "project"):
        about = payload.get(key)
        told = about if isinstance(about, Mapping) else {}
        yield from (_same(str(told[name])) for name in _URLS if told.get(name))


def _same(url: str) -> str:
    """Host and path, whatever the way there: `https://h/a/b.git`, `git@h:a/b` and `ssh://git@h/a/b` alike.
    What is no address is like no other: anybody may have sent it."""
    if "://" in url:
        try:
            parts = urlsplit(url)
            host, path, port = parts.hostname or "", parts.path, parts.port
        except ValueError:
            return ""
        if parts.scheme in {"http", "https"} and port not in {None, 80, 443}:
            host += f":{port}"
    else:
        head, _, path = url.partition(":")
        host = head.rpartition("@")[2]
    return f"{host.lower()}/{path.strip('/').removesuffix('.git')}"


def _delivery(forge: Forge, headers: Mapping[str, str], body: bytes) -> str:
    given = next((headers[name] for name in forge.delivery if headers.get(name)), "")
    if _ID.fullmatch(given):
        return f"{forge.name}:{given}"
    return f"{forge.name}:{hashlib.sha256(body).hexdigest()[:40]}"


def _bad(why: str) -> CasewayError:
    return CasewayError(
        f"this is no delivery of a push: {why}",
        code="bad-request",
        hint="point a webhook of GitHub, GitLab or Gitea here, for pushes, as JSON",
    )
