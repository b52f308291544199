"""Carries out one operation: check what was given, ask whether the caller may, run it, answer in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from caseway.operations.authorize import require
from caseway.operations.decode import decode
from caseway.operations.operation import Answer, Follow, Operating, Operation, Page
from caseway.operations.shape import facts_of


def perform(
    operating: Operating,
    operation: Operation,
    given: Mapping[str, Any],
    *,
    text: frozenset[str] = frozenset(),
) -> Any:
    """The answer to `given` (by JSON names): a JSON object, or for a stream its `Follow`.

    Raises `CasewayError`: `invalid-request`, `unauthenticated`, `forbidden`, `not-found`, and what the
    operation itself raises."""
    request: Any = decode(operation.request, given, text=text)
    require(operating, operation, request)
    answer = operation.run(operating, request)
    if operation.answer is Answer.STREAM:
        follow: Follow = answer
        return follow
    return as_json(answer)


def as_json(answer: Any) -> dict[str, Any]:
    """What an operation gave, as a JSON object."""
    if isinstance(answer, Page):
        items = [_item(item) for item in answer.items]
        return {"items": items, "nextCursor": answer.next_cursor}
    return _item(answer)


def _item(value: Any) -> dict[str, Any]:
    return facts_of(value) if is_dataclass(value) else dict(value)
