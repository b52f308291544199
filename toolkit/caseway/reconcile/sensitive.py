"""Which values a plan must not show. In doubt it hides: a hidden value costs a look, a shown one a key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from caseway.model.canonical import Json

SENSITIVE = "(sensitive)"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = frozenset(
    (
        *("password", "passwords", "passwd", "pwd", "passphrase", "secret", "secrets"),
        *("token", "authorization", "apikey", "cookie"),
    )
)
_SECRET_PAIRS = frozenset(
    (kind, "key") for kind in ("api", "private", "access", "signing", "encryption", "secret", "master")
)
_VALUE_KEYWORDS = frozenset(("default", "const", "enum", "examples", "example"))
_USERINFO = re.compile(r"(?<=://)([^\s/@:]*):([^\s/@]+)@")


def is_secret_name(name: str) -> bool:
    """True for a key that by its last word holds a secret: `clientSecret`, `API_KEY`, but not `maxTokens`."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words:
        return False
    return words[-1] in _SECRET_WORDS or tuple(words[-2:]) in _SECRET_PAIRS


def is_secret_schema(name: str, schema: Json) -> bool:
    """True for a parameter that is secret by its name, `writeOnly` or `format: password`."""
    if is_secret_name(name):
        return True
    return isinstance(schema, Mapping) and (
        schema.get("writeOnly") is True or schema.get("format") == "password"
    )


def secret_parameters(schema: Json) -> Iterator[str]:
    """The names of the secret properties of a parameter schema."""
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if isinstance(properties, Mapping):
        yield from (name for name, value in properties.items() if is_secret_schema(name, value))


def veiled(value: Json, key: str = "", parent: str = "") -> Json:
    """`value`, found under `key` of `parent`, with every secret in it replaced by `(sensitive)`."""
    if key and is_hidden(key, parent):
        return None if value is None else SENSITIVE
    if isinstance(value, str):
        return _USERINFO.sub(rf"\1:{SENSITIVE}@", value)
    if isinstance(value, Mapping):
        if parent == "properties" and is_secret_schema(key, value):
            return {
                name: SENSITIVE if name in _VALUE_KEYWORDS else veiled(item, name, key)
                for name, item in value.items()
            }
        return {name: veiled(item, name, key) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [veiled(item) for item in value]
    return value


def is_hidden(key: str, parent: str) -> bool:
    """True when the value under `key` is a secret as a whole. Under `properties` and `credentials` keys are
    names of things, and what is beneath describes them."""
    return parent not in {"properties", "credentials"} and is_secret_name(key)
