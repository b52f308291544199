"""The ways in which a secret text may be spelled inside other texts. Pure.

The one rule: every spelling is a function of the secret, so what was found can be spelled again."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import quote, quote_plus

SHORTEST = 4  # shorter texts would blot out half of every line, and tell how short the secret is


def _bytes(secret: str) -> bytes:
    return secret.encode("utf-8", "surrogatepass")


def _inner(encode: Callable[[bytes], bytes], offset: int) -> Callable[[str], str]:
    """What base64 makes of the secret inside a longer text: the digits that its neighbours cannot change,
    when it begins `offset` bytes after a group of three (`user:` before a password, for one)."""

    def spell(secret: str) -> str:
        data = _bytes(secret)
        digits = encode(bytes(offset) + data).decode("ascii")
        return digits[-(-offset * 8 // 6) : (offset + len(data)) * 8 // 6]

    return spell


SPELLINGS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "plain": lambda secret: secret,
        "json": lambda secret: json.dumps(secret)[1:-1],
        "json-unicode": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
        "json-twice": lambda secret: json.dumps(json.dumps(secret)[1:-1])[1:-1],
        "url": lambda secret: quote(_bytes(secret), safe=""),
        "url-path": lambda secret: quote(_bytes(secret)),
        "url-form": lambda secret: quote_plus(_bytes(secret)),
        "base64": lambda secret: b64encode(_bytes(secret)).decode("ascii"),
        "base64url": lambda secret: urlsafe_b64encode(_bytes(secret)).decode("ascii"),
        "base64-0": _inner(b64encode, 0),
        "base64-1": _inner(b64encode, 1),
        "base64-2": _inner(b64encode, 2),
        "base64url-0": _inner(urlsafe_b64encode, 0),
        "base64url-1": _inner(urlsafe_b64encode, 1),
        "base64url-2": _inner(urlsafe_b64encode, 2),
        "hex": lambda secret: _bytes(secret).hex(),
    }
)


def spelled(secret: str) -> dict[str, str]:
    """Every text that gives `secret` away, and by which spelling; none for a secret too short to look for."""
    if len(secret) < SHORTEST:
        return {}
    found: dict[str, str] = {}
    for name, spell in SPELLINGS.items():
        text = spell(secret)
        if len(text) >= SHORTEST:
            found.setdefault(text, name)
    return found
