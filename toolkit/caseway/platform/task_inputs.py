"""The inputs of tasks, each kept once: most are the output of the task before, or the input of that around.

Rule: what refers to another task is no JSON, so that no value of a workflow can be taken for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from caseway.platform.lookup import Row
from caseway.platform.tables.types import to_text

if TYPE_CHECKING:
    from caseway_runner import TaskRecord

_OUTPUT_OF, _INPUT_OF = ">", "<"
_SHORT = 64  # a text that is not longer says itself what a reference would have to be followed for


class Inputs:
    """Writes the inputs of the tasks of one execution, told in the order in which they started."""

    __slots__ = ("_same",)

    def __init__(self) -> None:
        self._same: dict[int, str] = {}  # by identity: the interpreter hands values on, it copies none

    def taken(self, position: str, record: TaskRecord) -> str | None:
        """What to keep of the task's input."""
        text = None
        if record.input is not None:
            text = self._same.get(id(record.input))
            if text is None:
                text = to_text(record.input)
                if len(text) > _SHORT:
                    self._same[id(record.input)] = _INPUT_OF + position
        if record.output is not None:
            self._same.setdefault(id(record.output), _OUTPUT_OF + position)
        return text


def resolved(rows: Mapping[str, Row]) -> Mapping[str, Any]:
    """The inputs of all tasks of an execution, by position; None where it is not known."""
    return {position: _value(rows, row) for position, row in rows.items()}


def _value(rows: Mapping[str, Row], row: Row) -> Any:
    for _ in range(len(rows) + 1):
        text = row.input
        if text is None:
            return None
        if text[0] not in (_OUTPUT_OF, _INPUT_OF):
            return json.loads(text)
        other = rows.get(text[1:])
        if other is None:
            return None
        if text[0] == _OUTPUT_OF:
            return other.output
        row = other
    return None
