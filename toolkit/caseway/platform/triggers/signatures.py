"""Whether a request was signed by who holds a secret: one function per way of signing. Pure.

Rule: every comparison takes the same time whatever is wrong, and nothing says which secret was right."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from caseway.model.errors import CasewayError

TOLERANCE = 300.0  # seconds: what Standard Webhooks, Stripe and Slack say
_MOST_SIGNATURES = 20  # in one header: a sender has two or three secrets, an attacker has time
_LONGEST_ID = 200
_HASHES: Mapping[str, Callable[..., Any]] = {
    "sha1": hashlib.sha1,
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as it came: header names in lower case, the body to the last byte."""

    headers: Mapping[str, str]
    body: bytes


def verify(how: Mapping[str, Any], secrets: Sequence[str], request: Signed, *, now: float) -> str:
    """What identifies the request ("" when nothing does); `how` is the `verify` of a trigger.

    `tolerance` of `how` is in seconds, `now` since 1970. Any of `secrets` will do. Raises `CasewayError`
    (`signature`) in words that help the sender and tell an attacker nothing."""
    return _WAYS[str(how["type"])](how, secrets, request, now)


def _standard_webhooks(how: Mapping[str, Any], secrets: Sequence[str], request: Signed, now: float) -> str:
    """Standard Webhooks 1.0: `v1` (HMAC-SHA256, secrets `whsec_…`) and `v1a` (Ed25519, keys `whpk_…`)."""
    found, at = _header(request, "webhook-id"), _header(request, "webhook-timestamp")
    _refuse_old(at, how, now)
    message = found.encode() + b"." + at.encode() + b"." + request.body
    is_right = False
    for each in _header(request, "webhook-signature").split()[:_MOST_SIGNATURES]:
        version, _, signature = each.partition(",")
        raw = _base64(signature)
        is_right |= version == "v1" and _any(secrets, message, raw, "sha256", _standard_key)
        is_right |= version == "v1a" and True in [_is_ed25519(key, message, raw) for key in secrets]
    return _granted(is_right, found)


def _standard_key(secret: str) -> bytes:
    """The key of an HMAC; a public key is none, or whoever knows it could sign."""
    return b"" if secret.startswith("whpk_") else _base64(secret.removeprefix("whsec_"))


def _is_ed25519(secret: str, message: bytes, signature: bytes) -> bool:
    if not secret.startswith("whpk_"):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(_base64(secret.removeprefix("whpk_"))).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _github(how: Mapping[str, Any], secrets: Sequence[str], request: Signed, now: float) -> str:  # noqa: ARG001 - one shape for all ways
    """GitHub: `X-Hub-Signature-256` over the body; `X-GitHub-Delivery` names it, unsigned."""
    signature = _hex(_header(request, "x-hub-signature-256").removeprefix("sha256="))
    return _granted(
        _any(secrets, request.body, signature), request.headers.get("x-github-delivery", "")[:_LONGEST_ID]
    )


def _stripe(how: Mapping[str, Any], secrets: Sequence[str], request: Signed, now: float) -> str:
    """Stripe: `Stripe-Signature: t=…,v1=…[,v1=…]` over `t.body`; the event's `id` names it."""
    pairs = [part.strip().partition("=") for part in _header(request, "stripe-signature").split(",")]
    at = next((value for name, _, value in pairs if name == "t"), "")
    _refuse_old(at, how, now)
    given = [value for name, _, value in pairs if name == "v1"][:_MOST_SIGNATURES]
    message = at.encode() + b"." + request.body
    is_right = True in [_any(secrets, message, _hex(value)) for value in given]
    return _granted(is_right, _member(request.body, "id") or f"{at}.{given[0] if given else ''}")


def _slack(how: Mapping[str, Any], secrets: Sequence[str], request: Signed, now: float) -> str:
    """Slack: `X-Slack-Signature: v0=…` over `v0:timestamp:body`; an event's `event_id` names it."""
    at = _header(request, "x-slack-request-timestamp")
    _refuse_old(at, how, now)
    given = _header(request, "x-slack-signature")
    message = b"v0:" + at.encode() + b":" + request.body
    is_right = _any(secrets, message, _hex(given.removeprefix("v0="))) and given.startswith("v0=")
    return _granted(is_right, _member(request.body, "event_id") or f"{at}.{given}"[:_LONGEST_ID])


def _hmac(how: Mapping[str, Any], secrets: Sequence[str], request: Signed, now: float) -> str:
    """Any HMAC: `header`, `prefix`, `algorithm`, `encoding`, `timestampHeader`, `signed`, `idHeader`."""
    given = _header(request, str(how.get("header") or "X-Signature").lower())
    prefix = str(how.get("prefix") or "")
    at = found = ""
    if how.get("timestampHeader"):
        at = _header(request, str(how["timestampHeader"]).lower())
        _refuse_old(at, how, now)
    if how.get("idHeader"):
        found = _header(request, str(how["idHeader"]).lower())[:_LONGEST_ID]
    decode = _base64 if how.get("encoding") == "base64" else _hex
    signature = decode(given[len(prefix) :]) if given.startswith(prefix) else b""
    form = str(how.get("signed") or ("{timestamp}.{body}" if at else "{body}"))
    is_right = _any(
        secrets, _filled(form, at, found, request.body), signature, str(how.get("algorithm") or "sha256")
    )
    return _granted(is_right, found)


_WAYS: Mapping[str, Callable[[Mapping[str, Any], Sequence[str], Signed, float], str]] = {
    "standardWebhooks": _standard_webhooks,
    "github": _github,
    "stripe": _stripe,
    "slack": _slack,
    "hmac": _hmac,
}


def secrets_of(value: Any) -> tuple[str, ...]:
    """The secrets in the value of a credential: a text, a list of them, or an object with `secrets`,
    `secret`, `token`, `key`, `password` or `value`; empty ones are none."""
    if isinstance(value, str):
        return (value,) if value else ()
    if isinstance(value, (list, tuple)):
        return tuple(secret for item in value for secret in secrets_of(item))
    if isinstance(value, Mapping):
        found = [
            value[name]
            for name in ("secrets", "secret", "token", "key", "password", "value")
            if name in value
        ]
        return secrets_of(found)
    return ()


def _filled(form: str, at: str, found: str, body: bytes) -> bytes:
    """What is signed; the parts are put in side by side, so that none can bring a placeholder with it."""
    parts = {"{timestamp}": at.encode(), "{id}": found.encode(), "{body}": body}
    made, rest = b"", form
    while rest:
        name = next((name for name in parts if rest.startswith(name)), "")
        made += parts[name] if name else rest[0].encode()
        rest = rest[len(name or rest[0]) :]
    return made


def _any(
    secrets: Iterable[str],
    message: bytes,
    signature: bytes,
    algorithm: str = "sha256",
    key: Callable[[str], bytes] = str.encode,
) -> bool:
    """Whether one of the secrets made the signature; all are tried, whichever is right."""
    digest = _HASHES[algorithm]
    keys = [found for secret in secrets if (found := key(secret))]  # an empty key is everybody's
    made = [hmac.new(each, message, digest).digest() for each in keys]
    return True in [hmac.compare_digest(each, signature) for each in made]


def _header(request: Signed, name: str) -> str:
    found = request.headers.get(name, "").strip()
    if not found:
        raise _refused(f"the header {name} is missing")
    return found


def _refuse_old(text: str, how: Mapping[str, Any], now: float) -> None:
    tolerance = float(how.get("tolerance") or TOLERANCE)
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise _refused("the time of the signature is not a number of seconds since 1970")
    if abs(now - int(text)) > tolerance:
        raise _refused(f"the signature is not of the last {tolerance:g} seconds: look at the clocks")


def _granted(is_right: bool, found: str) -> str:
    if not is_right:
        raise _refused("the signature does not fit")
    return found


def _refused(why: str) -> CasewayError:
    return CasewayError(
        f"this request cannot be trusted: {why}",
        code="signature",
        hint="sign the body as it is sent, with the secret that is stored in the trigger's credential",
    )


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _member(body: bytes, name: str) -> str:
    """A text member of a JSON object, "" when there is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    found = value.get(name) if isinstance(value, dict) else None
    return found[:_LONGEST_ID] if isinstance(found, str) else ""
