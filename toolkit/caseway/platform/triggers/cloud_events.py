"""CloudEvents 1.0 in HTTP requests: structured, batched, binary. Pure.

Rule: an event is taken as it was sent or refused; nothing is guessed that its sender left out."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from caseway.platform.triggers.refusal import Refusal, Wrong

MOST = 1000  # events in one batch
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
_NAME = re.compile(r"[a-z0-9]{1,40}")
_REQUIRED = ("id", "source", "specversion", "type")
_TEXTS = (*_REQUIRED, "subject", "datacontenttype", "dataschema", "time")
_LONGEST = 2000


def events_in(headers: Mapping[str, str], body: bytes) -> list[dict[str, Any]]:
    """The events of a request, checked; `headers` by name in lower case. Raises `Refusal`: `event`, `body`,
    `media-type`, `too-many-events`."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == BATCH:
        found = _json(body)
        if not isinstance(found, list):
            raise Refusal("a batch of events is a JSON array", code="event")
        if len(found) > MOST:
            raise Refusal(f"a batch has at most {MOST} events", code="too-large", hint="send several")
        return [_checked(each, f"/{at}") for at, each in enumerate(found)]
    if kind == STRUCTURED:
        return [_checked(_json(body), "")]
    if kind.startswith("application/cloudevents"):
        raise Refusal(f"{kind} is not read", code="media-type", hint=f"send {STRUCTURED} or {BATCH}")
    if "ce-specversion" not in headers:
        hint = f"send {STRUCTURED}, {BATCH}, or the attributes as ce- headers"
        raise Refusal("this is no CloudEvent", code="media-type", hint=hint)
    return [_checked(_binary(headers, kind, body), "")]


def _binary(headers: Mapping[str, str], kind: str, body: bytes) -> dict[str, Any]:
    """Attributes are headers, percent-encoded where they are not ASCII; the body is the data."""
    event: dict[str, Any] = {}
    for name, text in headers.items():
        if name.startswith("ce-"):
            event[name.removeprefix("ce-")] = unquote_to_bytes(text).decode("utf-8", "replace")
    if not body:
        return event
    if kind:
        event["datacontenttype"] = headers["content-type"]
    if kind == "application/json" or kind.endswith("+json"):
        return {**event, "data": _json(body)}
    try:
        return {**event, "data": body.decode("utf-8")} if kind.startswith("text/") else _as_bytes(event, body)
    except UnicodeDecodeError:
        return _as_bytes(event, body)


def _as_bytes(event: dict[str, Any], body: bytes) -> dict[str, Any]:
    return {**event, "data_base64": base64.b64encode(body).decode("ascii")}


def _checked(event: Any, place: str) -> dict[str, Any]:
    if not isinstance(event, dict):
        raise Refusal("an event is a JSON object", code="event", errors=[Wrong(place, "must be an object")])
    wrong = [*_wrong_attributes(event, place)]
    if wrong:
        raise Refusal(
            f"not a CloudEvent: {wrong[0].field.rpartition('/')[2] or 'it'} {wrong[0].message}",
            code="event",
            hint="see CloudEvents 1.0: id, source, specversion and type are needed",
            errors=wrong[:50],
        )
    return event


def _wrong_attributes(event: Mapping[str, Any], place: str) -> list[Wrong]:
    found = [
        Wrong(f"{place}/{name}", "must be a text that is not empty")
        for name in _REQUIRED
        if not isinstance(event.get(name), str) or not event[name]
    ]
    for name, value in event.items():
        problem = _problem(name, value)
        if problem:
            found.append(Wrong(f"{place}/{name[:100]}", problem))
    if "data" in event and "data_base64" in event:
        found.append(Wrong(f"{place}/data", "must not stand beside data_base64"))
    return found


def _problem(name: str, value: Any) -> str:  # noqa: PLR0911 - one line per rule of the specification
    if name == "data":
        return ""
    if name == "data_base64":
        return "" if isinstance(value, str) and _is_base64(value) else "must be Base64"
    if not _NAME.fullmatch(name):
        return "is no name of an attribute: only a-z and 0-9"
    if value is None:
        return "" if name not in _REQUIRED else "must not be null"
    if name in _TEXTS and not isinstance(value, str):
        return "must be a text"
    if not isinstance(value, (str, bool, int)):
        return "must be a text, a whole number or a boolean"
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"must be at most {_LONGEST} characters"
    if name == "specversion" and value != "1.0":
        return "must be 1.0"
    return "must be a moment such as 2026-01-31T12:00:00Z" if name == "time" and not _is_time(value) else ""


def _is_time(text: Any) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"the body is not JSON: {str(error)[:200]}", code="body") from error


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")
