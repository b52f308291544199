"""The record of one task activation while it runs: opened, waiting, closed, and told to the listener."""

from __future__ import annotations

from typing import Any

from caseway_runner.activation import Activation
from caseway_runner.outcome import Status, TaskRecord, WorkflowError


class OpenRecord:
    """Keeps the place of an activation among the session's records up to date."""

    __slots__ = ("_activation", "_at", "_parent", "started_at")

    def __init__(self, activation: Activation, parent: str, started_at: str) -> None:
        self._activation, self._parent, self.started_at = activation, parent, started_at
        activation.started_at = started_at
        self._at = len(activation.run.session.records)
        record = self._record(Status.RUNNING)
        activation.run.session.records.append(record)
        self._tell(record)

    def waiting(self, is_waiting: bool) -> None:
        """Say that the task waits, or no longer does."""
        self._tell(self._record(Status.WAITING if is_waiting else Status.RUNNING))

    def close(
        self,
        status: Status,
        ended_at: str,
        *,
        output: Any = None,
        error: WorkflowError | None = None,
        reason: str = "",
    ) -> None:
        """Keep how the task ended."""
        record = self._record(status, ended_at, output, error, reason)
        self._activation.run.session.records[self._at] = record
        self._tell(record)

    def _record(
        self,
        status: Status,
        ended_at: str = "",
        output: Any = None,
        error: WorkflowError | None = None,
        reason: str = "",
    ) -> TaskRecord:
        activation = self._activation
        return TaskRecord(
            activation.reference,
            activation.task.name,
            activation.task.kind,
            status,
            self.started_at,
            ended_at,
            activation.attempts,
            activation.position,
            self._parent,
            reason,
            output,
            error,
        )

    def _tell(self, record: TaskRecord) -> None:
        listener = self._activation.run.session.ports.on_task
        if listener is not None:
            listener(record)
