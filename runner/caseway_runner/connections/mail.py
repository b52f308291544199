"""`call: email`: one message through an SMTP relay. Its Message-ID follows from the task's idempotency key,
so that a message that was sent twice can be told."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from caseway_runner.connections.function import Call, in_thread
from caseway_runner.errors import fault

SECONDS = 30
RECIPIENTS = 100


async def run(call: Call) -> Any:
    """The function's output."""
    message, recipients = _message(call)
    return await in_thread(lambda: _send(call, message, recipients))


def _message(call: Call) -> tuple[EmailMessage, list[str]]:
    given = call.arguments
    sender = given.get("from") or call.to.options.get("from") or call.to.user
    message = EmailMessage(policy=SMTP)
    recipients: list[str] = []
    try:
        message["From"] = _one(sender)
        for header, key in (("To", "to"), ("Cc", "cc")):
            addresses = _addresses(given.get(key))
            if addresses:
                message[header] = ", ".join(addresses)
            recipients += addresses
        recipients += _addresses(given.get("bcc"))
        if given.get("replyTo"):
            message["Reply-To"] = ", ".join(_addresses(given["replyTo"]))
        message["Subject"] = str(given["subject"])
        message["Message-ID"] = _identity(call)
    except (ValueError, HeaderParseError) as error:
        raise fault("configuration", f"the message's head is not sound: {error}") from error
    if not recipients:
        raise fault("configuration", "the message has no recipient")
    if len(recipients) > RECIPIENTS:
        raise fault("configuration", f"the message has more than {RECIPIENTS} recipients")
    _write(message, given)
    return message, recipients


def _write(message: EmailMessage, given: Mapping[str, Any]) -> None:
    if "text" not in given and "html" not in given:
        raise fault("configuration", "the message has neither `text` nor `html`")
    if "text" in given:
        message.set_content(str(given["text"]))
        if "html" in given:
            message.add_alternative(str(given["html"]), subtype="html")
    else:
        message.set_content(str(given["html"]), subtype="html")


def _addresses(value: Any) -> list[str]:
    if value is None:
        return []
    items = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return [_one(item) for item in items]


def _one(value: Any) -> str:
    """One address; raises ValueError for what is none, line breaks among it."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("an address is missing")
    Address(addr_spec=value.strip().rpartition("<")[2].rstrip(">"))
    if any(character in value for character in "\r\n"):
        raise ValueError("an address holds a line break")
    return value.strip()


def _identity(call: Call) -> str:
    digest = hashlib.sha256(call.activation.key.encode()).hexdigest()[:32]
    return f"<{digest}@caseway>"


def _send(call: Call, message: EmailMessage, recipients: list[str]) -> Any:
    to = call.to
    host = to.parts.hostname or ""
    tls = ssl.create_default_context()
    try:
        if to.parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, to.port, timeout=SECONDS, context=tls)
        else:
            server = smtplib.SMTP(host, to.port, timeout=SECONDS)
        with server:
            if to.parts.scheme != "smtps" and to.options.get("starttls", to.port == 587):
                server.starttls(context=tls)
            if to.user:
                server.login(to.user, to.password)
            refused = server.send_message(message, from_addr=None, to_addrs=recipients)
    except smtplib.SMTPAuthenticationError as error:
        raise fault("authentication", f"connection {to.name}: {_words(error)}") from error
    except smtplib.SMTPResponseException as error:
        raise fault("communication", f"connection {to.name}: {_words(error)}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise fault("communication", f"connection {to.name}: {error}") from error
    return {"messageId": str(message["Message-ID"]), "refused": sorted(refused)}


def _words(error: smtplib.SMTPResponseException) -> str:
    said = error.smtp_error
    return f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"[:500]
