"""Gives an execution its secrets, and hides their values in whatever leaves it.

Rule: what was given, or could have been, is looked for in every text that is stored or shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from caseway.platform.masking import every_text, masker, strings_of
from caseway.platform.references import References, restore
from caseway_runner import Outcome, TaskRecord, WorkflowError


class Masked:
    """A secret source that knows what it gave, and masks it in outcomes and task records.

    `known` are values to look for from the start, by name; one that changes while the execution runs is
    looked for in both forms."""

    def __init__(self, source: Callable[[str], Any], known: Mapping[str, Any] = MappingProxyType({})) -> None:
        self._source = source
        self._values: list[tuple[str, Any]] = list(known.items())
        self._texts = {text for _, value in self._values for text in strings_of(value)}
        self._prepare()

    def __call__(self, name: str) -> Any:
        """The secret's value; KeyError when there is none."""
        value = self._source(name)
        if (name, value) not in self._values:
            self._values.insert(0, (name, value))
            self._texts |= strings_of(value)
            self._prepare()
        return value

    def _prepare(self) -> None:
        self._mask = masker(self._texts)
        self._references = References(self._values)

    def hidden(self, value: Any) -> Any:
        """`value` as a journal may keep it: a reference in the place of every secret."""
        return self._references.hide(value)

    def restored(self, value: Any) -> Any:
        """What `hidden` was given, each secret as it is now. Raises `MissingSecret`."""
        return restore(value, self)

    def text(self, text: str) -> str:
        """`text` with every secret hidden."""
        return self._mask(text)

    def value(self, value: Any) -> Any:
        """`value` with every secret hidden; a number that gives one away becomes text."""
        if not self._texts:
            return value
        return every_text(value, self._mask, self._number)

    def _number(self, number: Any) -> Any:
        masked = self._mask(str(number))
        return number if masked == str(number) else masked

    def error(self, error: WorkflowError | None) -> WorkflowError | None:
        """The error, its texts masked."""
        if error is None or not self._texts:
            return error
        return replace(
            error, type=self._mask(error.type), title=self._mask(error.title), detail=self._mask(error.detail)
        )

    def record(self, record: TaskRecord) -> TaskRecord:
        """The task record as it may be stored and shown."""
        if not self._texts:
            return record
        return replace(
            record,
            input=self.value(record.input),
            output=self.value(record.output),
            error=self.error(record.error),
        )

    def outcome(self, outcome: Outcome) -> Outcome:
        """The outcome as it may be stored and shown."""
        if not self._texts:
            return outcome
        return replace(
            outcome,
            output=self.value(outcome.output),
            error=self.error(outcome.error),
            reason=self._mask(outcome.reason),
            tasks=tuple(self.record(record) for record in outcome.tasks),
        )
