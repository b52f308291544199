"""The record of one task activation while it runs: opened, waiting, closed, and told to the listener.

One rule: a TaskRecord is made when somebody listens, and when the task has ended."""

from __future__ import annotations

from typing import Any

from caseway_runner.activation import Activation
from caseway_runner.outcome import Status, TaskRecord, WorkflowError


class OpenRecord:
    """Keeps the place of an activation among the session's records until it has ended."""

    __slots__ = ("_activation", "_at", "_listener", "_parent", "_records", "_status", "started_at")

    def __init__(self, activation: Activation, parent: str, started_at: str) -> None:
        self._activation, self._parent, self.started_at = activation, parent, started_at
        activation.started_at = started_at
        session = activation.run.session
        self._records, self._listener = session.records, session.ports.on_task
        self._at = len(self._records)
        self._records.append(self)
        self._status = Status.RUNNING
        if self._listener is not None:
            self._listener(self.record())

    def waiting(self, is_waiting: bool) -> None:
        """Say that the task waits, or no longer does."""
        self._status = Status.WAITING if is_waiting else Status.RUNNING
        if self._listener is not None:
            self._listener(self.record())

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
        self._records[self._at] = record
        if self._listener is not None:
            self._listener(record)

    def record(self) -> TaskRecord:
        """How the activation stands now, while it is open."""
        return self._record(self._status)

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
            activation.input,
        )
