"""Reads the limits that a use case declares. No effects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseway.model.quantities import seconds, size
from caseway_runner import Limits

__all__ = ["limits_from", "seconds", "size"]


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
