"""Desired state as JSON, for operations that take it whole, and back.

Rule: what comes in is proven, not believed: each digest is that of its content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from caseway.model.canonical import digest
from caseway.model.desired import Desired, Follows, PrunePolicy, Resource, Strategy, UseCase
from caseway.model.errors import CasewayError
from caseway.operations.decode import decode
from caseway.operations.shape import facts_of


def as_json(desired: Desired) -> dict[str, Any]:
    """The desired state as a JSON object."""
    return facts_of(desired)


def of_json(value: Mapping[str, Any]) -> Desired:
    """The inverse of `as_json`. Raises `InvalidRequest`, and `CasewayError` (`digest-mismatch`)."""
    found = decode(Desired, value)
    content: tuple[UseCase | Resource, ...] = (*found.use_cases, *found.runtimes, *found.connections)
    for item in content:
        if item.digest != digest(item.body):
            raise CasewayError(
                f"the content of {item.name!r} is not what its digest says",
                code="digest-mismatch",
                place=item.name,
                hint="send it again; something on the way has changed it",
            )
    return replace(
        found,
        stages=tuple(replace(item, follows=Follows(item.follows)) for item in found.stages),
        use_cases=tuple(replace(item, strategy=Strategy(item.strategy)) for item in found.use_cases),
        prune=PrunePolicy(found.prune),
    )
