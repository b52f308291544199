"""Bodies made of parts, as values: an e-mail as a mail server hands it on, a form with files. Pure.

Rule: what comes from strangers is never more than text and bytes: no part is run, opened or fetched."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage
from typing import Any, TypeVar

from caseway.platform.triggers.refusal import Refusal

MAIL = "message/rfc822"
FORM = "multipart/form-data"
_MOST_PARTS = 200
_Value = TypeVar("_Value")


def mail_of(body: bytes) -> dict[str, Any]:
    """An e-mail: `from`, `to`, `cc`, `replyTo`, `subject`, `date` (RFC 3339), `messageId`, `text`, `html`,
    `attachments`. Raises `Refusal` (`body`) for what is none."""
    message = _parsed(body, "e-mail")
    found = _read("e-mail", lambda: _mail(message))
    if not found["from"]:
        raise Refusal("the body is no e-mail: nobody has sent it", code="body", hint="send it as it came")
    return found


def form_of(body: bytes, content_type: str) -> Sequence[tuple[str, Any]]:
    """The fields of a form, in order; a file is `{filename, contentType, size, data}`, its data in Base64.
    Raises `Refusal` (`body`)."""
    head = f"content-type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = _parsed(head + body, "form")
    if not message.is_multipart():
        raise Refusal("the form cannot be read: it has no parts", code="body", hint="name its boundary")
    return _read("form", lambda: list(_fields(message)))


def _parsed(body: bytes, what: str) -> EmailMessage:
    return _read(what, lambda: message_from_bytes(body, _class=EmailMessage, policy=policy.default))


def _read(what: str, read: Callable[[], _Value]) -> _Value:
    """What `read` gives. The library meets malformed mail with errors of many kinds."""
    try:
        return read()
    except Refusal:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, MessageError) as error:
        raise Refusal(f"the {what} cannot be read: {str(error)[:200]}", code="body") from error


def _mail(message: EmailMessage) -> dict[str, Any]:
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    return {
        "from": _first(_addresses(message, "from")),
        "to": _addresses(message, "to"),
        "cc": _addresses(message, "cc"),
        "replyTo": _addresses(message, "reply-to"),
        "subject": str(message.get("subject") or ""),
        "date": _date(message),
        "messageId": str(message.get("message-id") or "").strip(),
        "text": "" if text is None else str(text.get_content()),
        "html": "" if html is None else str(html.get_content()),
        "attachments": [_file(part) for part in _few(message.iter_attachments())],
    }


def _addresses(message: EmailMessage, name: str) -> list[str]:
    header = message.get(name)
    found = [address.addr_spec for address in getattr(header, "addresses", ())]
    return [address for address in found if address]


def _first(addresses: Sequence[str]) -> str:
    return addresses[0] if addresses else ""


def _date(message: EmailMessage) -> str:
    at = getattr(message.get("date"), "datetime", None)
    if at is None:
        return ""
    return f"{(at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _fields(message: EmailMessage) -> Iterator[tuple[str, Any]]:
    for part in _few(message.iter_parts()):
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str) or not name:
            raise Refusal("a part of the form has no name", code="body")
        is_file = part.get_filename() is not None
        yield name, _file(part) if is_file else _bytes(part).decode("utf-8")


def _few(parts: Any) -> Iterator[EmailMessage]:
    for number, part in enumerate(parts):
        if number == _MOST_PARTS:
            raise Refusal(f"it has more than {_MOST_PARTS} parts", code="body")
        yield part


def _file(part: EmailMessage) -> dict[str, Any]:
    content = _bytes(part)
    return {
        "filename": part.get_filename() or "",
        "contentType": part.get_content_type(),
        "size": len(content),
        "data": base64.b64encode(content).decode("ascii"),
    }


def _bytes(part: EmailMessage) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else part.as_bytes()
