"""Gives an execution its secrets, and hides their values in whatever leaves it.

Rule: only values that were really handed out are looked for, so masking costs nothing when none was used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from caseway.platform.masking import mask, strings_of
from caseway_runner import Outcome, TaskRecord, WorkflowError


class Masked:
    """A secret source that remembers what it gave, and masks it in outcomes and task records."""

    def __init__(self, source: Callable[[str], Any]) -> None:
        self._source = source
        self._given: set[str] = set()

    def __call__(self, name: str) -> Any:
        """The secret's value; KeyError when there is none."""
        value = self._source(name)
        self._given |= strings_of(value)
        return value

    def value(self, value: Any) -> Any:
        """`value` with every secret that was given hidden."""
        if not self._given:
            return value
        if isinstance(value, str):
            return mask(value, self._given)
        if isinstance(value, Mapping):
            return {self.value(key): self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value

    def error(self, error: WorkflowError | None) -> WorkflowError | None:
        """The error, its texts masked."""
        if error is None or not self._given:
            return error
        return replace(error, title=self.value(error.title), detail=self.value(error.detail))

    def record(self, record: TaskRecord) -> TaskRecord:
        """The task record as it may be stored and shown."""
        if not self._given:
            return record
        return replace(record, output=self.value(record.output), error=self.error(record.error))

    def outcome(self, outcome: Outcome) -> Outcome:
        """The outcome as it may be stored and shown."""
        if not self._given:
            return outcome
        return replace(
            outcome,
            output=self.value(outcome.output),
            error=self.error(outcome.error),
            tasks=tuple(self.record(record) for record in outcome.tasks),
        )
