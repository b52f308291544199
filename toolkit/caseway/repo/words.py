"""Values, types and keys in the words of a message. Pure; whatever it shows is short and printable."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

SHOWN = 60  # characters of a foreign value that a message may carry
LISTED = 16  # names that a hint lists before it breaks off
_TYPES = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
_SECRET = ("password", "passwd", "secret", "token", "apikey", "privatekey", "assertion")


def type_name(kind: str) -> str:
    """The JSON Schema type `kind` with its article."""
    return _TYPES.get(kind, kind)


def found(value: object, *, key: str = "") -> str:
    """What a value is, with its text when that helps; never the value of a key that looks secret."""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return _scalar(value, hidden=is_secret(key))
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return "true" if value else "false"
        case dict() | list() | tuple():
            name = "object" if isinstance(value, dict) else "list"
            return f"{'a' if value and name == 'list' else 'an'} {'' if value else 'empty '}{name}"
        case _:
            return f"a {type(value).__name__}"


def _scalar(value: str | int | float, *, hidden: bool) -> str:
    if isinstance(value, str):
        return "an empty string" if not value else "a string" if hidden else quoted(value)
    return "a number" if hidden else f"the number {number(value)}"


def number(value: int | float) -> str:
    """A number as text, cut when it is absurdly long."""
    if isinstance(value, int) and value.bit_length() > 200:
        return "of more than 60 digits"
    return f"{value}"


def quoted(text: str) -> str:
    """The text in quotes on one line: control characters escaped, long text cut."""
    cut = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    shown = json.dumps(cut, ensure_ascii=False)[1:-1].replace('\\"', '"')
    return "'" + "".join(_printable(character) for character in shown) + "'"


def _printable(character: str) -> str:
    return character if character.isprintable() else f"\\u{ord(character):04x}"


def plain(value: object) -> str:
    """A JSON value as a choice in a list: strings in quotes, the rest as JSON."""
    return quoted(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def listed(names: Iterable[str], conjunction: str) -> str:
    """`'a', 'b' or 'c'`."""
    shown = [quoted(name) for name in names]
    return joined(shown, conjunction)


def joined(parts: Sequence[str], conjunction: str) -> str:
    """`a, b or c` of parts already worded."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {conjunction} {parts[-1]}"


def keys_hint(names: Iterable[str]) -> str:
    """The keys that may stand here, for a hint."""
    known = list(names)
    if not known:
        return "no keys are allowed here"
    more = "" if len(known) <= LISTED else f" and {len(known) - LISTED} more"
    return f"keys here: {', '.join(known[:LISTED])}{more}"


def nearest(name: str, known: Iterable[str]) -> str:
    """The one of `known` that was most likely meant by `name`, or ""."""
    choices = sorted(set(known))
    if len(name) > SHOWN:
        return ""
    folded = {_folded(choice): choice for choice in reversed(choices)}
    if _folded(name) in folded:
        return folded[_folded(name)]
    swapped = [choice for choice in folded if len(choice) > 2 and sorted(choice) == sorted(_folded(name))]
    if swapped:
        return folded[swapped[0]]
    close = get_close_matches(_folded(name), list(folded), n=1, cutoff=0.7)
    return folded[close[0]] if close else ""


def is_secret(key: str) -> bool:
    """True when values below this key should not be printed."""
    folded = _folded(key)
    return any(word in folded for word in _SECRET)


def _folded(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(" ", "")
