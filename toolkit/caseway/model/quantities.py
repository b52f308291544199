"""Durations and sizes as documents spell them. Pure."""

from __future__ import annotations

import re

from caseway.model.errors import CasewayError

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)(B|KB|MB|GB|TB)")


def seconds(text: str) -> float:
    """`15m` as 900.0. Raises `CasewayError` (`bad-duration`)."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise CasewayError(
            f"{text!r} is not a duration", code="bad-duration", hint="such as 500ms, 30s, 15m, 2h, 7d"
        )
    return int(found[1]) * _SECONDS[found[2]]


def size(text: str) -> int:
    """`10MB` as 10000000. Raises `CasewayError` (`bad-size`)."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise CasewayError(f"{text!r} is not a size", code="bad-size", hint="such as 512KB, 10MB, 2GB")
    return int(float(found[1]) * _BYTES[found[2]])
