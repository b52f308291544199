"""Reads durations, sizes and limits as Caseway documents spell them. No effects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from caseway.model.errors import CasewayError
from caseway_runner import Limits

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)(B|KB|MB|GB|TB)")


def seconds(text: str) -> float:
    """`15m` as 900.0."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise CasewayError(
            f"{text!r} is not a duration", code="bad-duration", hint="such as 500ms, 30s, 15m, 2h, 7d"
        )
    return int(found[1]) * _SECONDS[found[2]]


def size(text: str) -> int:
    """`10MB` as 10000000."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise CasewayError(f"{text!r} is not a size", code="bad-size", hint="such as 512KB, 10MB, 2GB")
    return int(float(found[1]) * _BYTES[found[2]])


def limits_from(declared: Mapping[str, Any], most: Limits) -> Limits:
    """The use case's `limits`, never above the operator's `most`; absent ones are the operator's."""
    wall = seconds(declared["timeout"]) if "timeout" in declared else most.wall_seconds
    output = size(declared["maxOutput"]) if "maxOutput" in declared else most.output_bytes
    return Limits(
        activations=min(int(declared.get("activations", most.activations)), most.activations),
        depth=min(int(declared.get("depth", most.depth)), most.depth),
        wall_seconds=min(wall, most.wall_seconds),
        output_bytes=min(output, most.output_bytes),
        journal_bytes=most.journal_bytes,
        expression_seconds=most.expression_seconds,
        expression_bytes=most.expression_bytes,
        concurrency=most.concurrency,
        awake_seconds=most.awake_seconds,
    )
