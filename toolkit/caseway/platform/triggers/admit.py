"""From a request to an execution that may be made: every check, in the order in which they cost.

Rule: who is not let in learns nothing of what is inside, not even whether it is paused."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caseway.model.errors import CasewayError
from caseway.platform.creation import NewExecution
from caseway.platform.rows import is_running
from caseway.platform.triggers.doors import Door, Network, client_address, doors_at
from caseway.platform.triggers.entrance import Entrance, Entrances
from caseway.platform.triggers.inputs import Request, input_of
from caseway.platform.triggers.rates import Rates
from caseway.platform.triggers.refusal import Refusal
from caseway.platform.triggers.signatures import Signed, verify

_LONGEST_KEY = 255
CALLERS, SENDERS = "http", "signed"  # whose word a key is: the caller's, or that of who signs


@dataclass(frozen=True, slots=True)
class Gate:
    """What decides about requests; `trusted` are the proxies whose word on addresses counts."""

    entrances: Entrances
    rates: Rates
    trusted: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that may start `new`; `challenge` is what Slack wants to hear instead, when it only asks."""

    entrance: Entrance
    door: Door
    new: NewExecution
    challenge: str = ""


def admit(gate: Gate, instance_id: str, request: Request) -> Admitted:
    """What the request may start. Raises `Refusal` (its code says why) and `CasewayError` (`signature`)."""
    entrance, door, values = found_door(gate, instance_id, request)
    if len(request.body) > door.most_body:
        raise too_large(door.most_body)
    actor, identity = _authenticated(gate, entrance, door, request)
    _refuse_idle(entrance)
    _refuse_often(gate, entrance, door, request)
    challenge = _challenge(door, request)
    key = identity or request.headers.get(door.idempotency, "").strip()
    if len(key) > _LONGEST_KEY:
        raise Refusal(f"the idempotency key is longer than {_LONGEST_KEY} characters", code="idempotency-key")
    new = NewExecution(
        organization=entrance.organization,
        instance=entrance.instance,
        workflow=door.workflow,
        input=None if challenge else input_of(door, request, values),
        trigger="http",
        trigger_id=door.trigger_id,
        actor=actor,
        idempotency_key=_stored_key(door, SENDERS if identity else CALLERS, key),
    )
    return Admitted(entrance, door, new, challenge)


def found_door(gate: Gate, instance_id: str, request: Request) -> tuple[Entrance, Door, dict[str, str]]:
    """The trigger that a request is for, before anything of its body is read: its address and method are
    right, and so is where it comes from."""
    entrance = gate.entrances.of(instance_id)
    found = doors_at(entrance.doors, request.path)
    if not found and entrance.phase == "archived":
        raise Refusal("this instance is archived", code="archived", hint="restore it")
    if not found:
        raise Refusal("no trigger has this path", code="no-trigger", hint="look at the address again")
    door, values = next((each for each in found if request.method in each[0].methods), (None, {}))
    if door is None:
        allowed = ", ".join(sorted({method for each, _ in found for method in each.methods}))
        raise Refusal(
            f"{request.method} starts nothing here",
            code="method-not-allowed",
            hint=f"use {allowed}",
            headers={"allow": allowed},
        )
    forwarded = request.headers.get("x-forwarded-for", "")
    if not door.is_open_to(client_address(request.peer, forwarded, gate.trusted)):
        raise Refusal("requests from this address are not let in", code="forbidden")
    return entrance, door, values


def too_large(most: int) -> Refusal:
    """The refusal of a body that is larger than `most` bytes."""
    return Refusal(f"the body is larger than {most} bytes", code="too-large", hint="send less")


def key_of(gate: Gate, entrance: Entrance, request: Request) -> str:
    """The id of the API key that came with the request. Raises `Refusal` (`unauthenticated`)."""
    given = request.headers.get("x-api-key", "").strip()
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not given and scheme.lower() == "bearer":
        given = token.strip()
    found = gate.entrances.key(entrance, given) if given else None
    if found is None:
        raise Refusal(
            "this key does not open this instance" if given else "a key is needed",
            code="unauthenticated",
            hint="send the instance's API key as X-API-Key (see `caseway key create`)",
        )
    return found.id


def _authenticated(gate: Gate, entrance: Entrance, door: Door, request: Request) -> tuple[str, str]:
    """Who calls, and what identifies the request, as far as its sender signs it."""
    if door.auth == "none":
        return "anonymous", ""
    if door.auth != "verify":
        return f"key:{key_of(gate, entrance, request)}", ""
    kind = str(door.verify.get("type") or "")
    secrets = entrance.secrets.get(str(door.verify.get("credential")), ())
    now = gate.entrances.platform.clock().timestamp()
    try:
        found = verify(door.verify, secrets, Signed(request.headers, request.body), now=now)
    except CasewayError as error:
        raise Refusal(error.message, code=error.code, hint=error.hint) from error
    return f"signed:{kind}", found


def _refuse_idle(entrance: Entrance) -> None:
    if entrance.phase == "archived":
        raise Refusal("this instance is archived", code="archived", hint="restore it")
    if not is_running(entrance.phase):
        raise Refusal(
            f"this instance is {entrance.phase}: it answers no triggers",
            code="not-active",
            hint="resume it, or set the credentials that it misses",
        )


def _refuse_often(gate: Gate, entrance: Entrance, door: Door, request: Request) -> None:
    if door.rate is None:
        return
    name = f"{entrance.instance_id}:{door.workflow}:{door.trigger_id}"
    if door.rate.by_address:
        forwarded = request.headers.get("x-forwarded-for", "")
        name += f":{client_address(request.peer, forwarded, gate.trusted)}"
    wait = gate.rates.take(name, door.rate)
    if wait > 0:
        raise Refusal(
            "too many requests",
            code="too-many-requests",
            hint=f"come back in {math.ceil(wait)} s",
            headers={"retry-after": str(math.ceil(wait))},
        )


def _challenge(door: Door, request: Request) -> str:
    """What Slack asks for when an address is entered there: it wants its own word back."""
    if door.verify.get("type") != "slack" or b"url_verification" not in request.body:
        return ""
    try:
        value: Any = json.loads(request.body)
    except ValueError:
        return ""
    is_asked = isinstance(value, Mapping) and value.get("type") == "url_verification"
    return str(value.get("challenge") or "")[:1000] if is_asked else ""


def _stored_key(door: Door, kind: str, key: str) -> str:
    """A caller's key means something only for one trigger; hashed, for callers put anything into it."""
    if not key:
        return ""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    return f"{kind}:{door.workflow}:{door.trigger_id}:{digest}"
