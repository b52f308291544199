"""Lifecycle CloudEvents: what becomes of a workflow and its tasks, told to whoever wants to know.

Rule: telling never changes an execution. Ids derive from what is told, so that a resumed execution repeats
an event with the same id."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from caseway_runner.derived import id_of
from caseway_runner.outcome import Outcome, Status, TaskRecord
from caseway_runner.ports import EventBus, Execution
from caseway_runner.program import Program

_PREFIX = "io.serverlessworkflow."
_NAMESPACE = UUID("0d2f0c58-6c55-4f0c-9d2e-7f4a3c6f1b20")
# The last word of the event's type, and the member of its data that says when.
_WORDS: Mapping[Status, tuple[str, str]] = {
    Status.RUNNING: ("started", "startedAt"),
    Status.WAITING: ("suspended", "suspendedAt"),
    Status.SUSPENDED: ("suspended", "suspendedAt"),
    Status.COMPLETED: ("completed", "completedAt"),
    Status.FAULTED: ("faulted", "faultedAt"),
    Status.CANCELLED: ("cancelled", "cancelledAt"),
}


class Lifecycle:
    """Queues events and publishes them in order beside the execution."""

    def __init__(self, bus: EventBus, program: Program, execution: Execution) -> None:
        self._bus, self._program, self._execution = bus, program, execution
        self._queue: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
        self._publishing = asyncio.ensure_future(self._publish())
        self._told: dict[str, Status] = {}

    def begun(self, at: str, is_resumed: bool) -> None:
        """The workflow starts, or goes on."""
        kind, when = ("resumed", "resumedAt") if is_resumed else ("started", "startedAt")
        self._put(f"workflow.{kind}", at, {**self._about_workflow(), when: at}, at if is_resumed else "")

    def task(self, record: TaskRecord) -> None:
        """A task has another status."""
        if record.status not in _WORDS:
            return
        kind, when = _WORDS[record.status]
        before = self._told.get(record.position)
        self._told[record.position] = record.status
        if record.status is Status.RUNNING and before is Status.WAITING:
            kind, when = ("retried", "retriedAt") if record.attempts > 1 else ("resumed", "resumedAt")
        at = record.ended_at or record.started_at
        which = f"{record.position}@{record.attempts}"
        if before is None and not record.ended_at:
            created = {"workflow": self._name(), "task": record.reference, "createdAt": at}
            self._put("task.created", at, created, which)
            self._correlating(record, "started", "startedAt", which)
        if record.status is Status.COMPLETED:
            self._correlating(record, "completed", "completedAt", which)
        data: dict[str, Any] = {"workflow": self._name(), "task": record.reference, when: at}
        if record.error is not None:
            data["error"] = dict(record.error.as_json())
        self._put(f"task.{kind}", at, data, which)

    def _correlating(self, record: TaskRecord, what: str, when: str, which: str) -> None:
        """A `listen` begins to take events, or has all it wants."""
        if record.kind == "listen":
            at = record.ended_at or record.started_at
            self._put(f"workflow.correlation-{what}", at, {"name": self._name(), when: at}, which)

    async def ended(self, outcome: Outcome, at: str) -> None:
        """The workflow ended, or sleeps; returns when everything is published."""
        kind, when = _WORDS[outcome.status]
        data: dict[str, Any] = {"name": self._name(), when: at}
        if outcome.error is not None:
            data["error"] = dict(outcome.error.as_json())
        if outcome.status is Status.COMPLETED:
            data["output"] = outcome.output
        self._put(f"workflow.{kind}", at, data, at if outcome.waiting is not None else "")
        self._queue.put_nowait(None)
        await self._publishing

    def _name(self) -> str:
        return f"{self._program.name}-{self._execution.id}.{self._program.namespace}"

    def _about_workflow(self) -> dict[str, Any]:
        program = self._program
        definition = {"namespace": program.namespace, "name": program.name, "version": program.version}
        return {"name": self._name(), "definition": definition}

    def _put(self, kind: str, at: str, data: Mapping[str, Any], which: str) -> None:
        full = f"{_PREFIX}{kind}.v1"
        self._queue.put_nowait(
            {
                "specversion": "1.0",
                "id": id_of(_NAMESPACE, f"{self._execution.id}:{full}:{which}"),
                "source": f"urn:caseway:execution:{self._execution.id}",
                "type": full,
                "time": at,
                "subject": self._execution.id,
                "datacontenttype": "application/json",
                "data": dict(data),
            }
        )

    async def _publish(self) -> None:
        while (event := await self._queue.get()) is not None:
            try:
                await self._bus.publish(event)
            except Exception:  # noqa: BLE001, S112 - the boundary to a listener: its failure is not ours
                continue
