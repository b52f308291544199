"""Plain YAML scalars by the YAML 1.2 core schema: `yes`, `on`, dates and `1:30` are texts.

Rule: a value that JSON cannot carry exactly is refused, never rounded.
"""

from __future__ import annotations

import math
import re

# Only texts that begin with one of these can be anything but a text.
SUSPECTS = frozenset("-+.0123456789nNtTfF~")

_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_BASED = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_ENDLESS = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")

SMALLEST, LARGEST = -(2**63), 2**64 - 1
EXACT = 2**53  # beyond it a double, and with it jq and JavaScript, loses digits
_DIGITS = 40  # more cannot fit 64 bits, however they are spelt


class UnfitNumberError(ValueError):
    """A number that cannot be kept; the message says why."""


def plain(text: str) -> bool | int | float | str | None:
    """The value of a plain scalar. Raises UnfitNumberError."""
    if text and text[0] not in SUSPECTS:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        return fitting(text)
    if _BASED.match(text):
        return _fit(int(text[2:], 8 if text[1] == "o" else 16) if len(text) <= _DIGITS else LARGEST + 1)
    if _FLOAT.match(text):
        return finite(text)
    if _ENDLESS.match(text):
        raise UnfitNumberError("infinity and not-a-number do not exist in JSON")
    return text


def fitting(text: str) -> int:
    """The integer spelt in decimal. Raises UnfitNumberError beyond 64 bits."""
    if len(text) <= _DIGITS:
        return _fit(int(text))
    number = int(
        text.lstrip("+-").lstrip("0")[:_DIGITS] or "0"
    )  # enough digits to know, few enough to be quick
    return _fit(-number if text[0] == "-" else number)


def finite(text: str) -> float:
    """The number spelt in decimal. Raises UnfitNumberError when it is too large for a double."""
    value = float(text)
    if not math.isfinite(value):
        raise UnfitNumberError("the number is too large")
    return value


def is_doubtful(text: str) -> bool:
    """Whether another program may read the integer `text` differently."""
    digits = text.lstrip("+-")
    return (len(digits) > 1 and digits[0] == "0" and digits.isdigit()) or (
        digits.isdigit() and len(digits) >= len(str(EXACT)) and int(digits[:_DIGITS]) > EXACT
    )


def _fit(number: int) -> int:
    if not SMALLEST <= number <= LARGEST:
        raise UnfitNumberError("the integer does not fit into 64 bits")
    return number
