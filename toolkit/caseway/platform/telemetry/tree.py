"""The span tree and the metric points of one ended execution. Pure: from its rows to plain values.

Ids follow from the execution's own, so folding it twice gives the same spans (W3C trace context: a trace id
has 16 bytes, a span id 8). Names are those of the OpenTelemetry semantic conventions where there is one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from caseway.model.canonical import JsonObject

DURATION = "caseway.execution.duration"
QUEUED = "caseway.execution.queued"


@dataclass(frozen=True, slots=True)
class Ended:
    """An execution that has ended, as far as telemetry is concerned."""

    id: str
    organization: str
    process: str
    instance: str
    stage: str
    workflow: str
    version: str
    status: str
    reason: str
    trigger: str
    actor: str
    retry_of: str
    error: JsonObject | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class EndedTask:
    """One activation of a task. Times are RFC 3339."""

    position: str
    parent: str
    reference: str
    name: str
    kind: str
    status: str
    reason: str
    started_at: str
    ended_at: str
    attempts: int
    error: JsonObject | None


@dataclass(frozen=True, slots=True)
class Span:
    """One node of the tree; `parent_id` is "" at the root. Times are RFC 3339 in UTC."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    status: str
    started_at: str
    ended_at: str
    attributes: JsonObject


@dataclass(frozen=True, slots=True)
class Point:
    """One measured value at the end of an execution."""

    name: str
    unit: str
    value: float


def trace_id(execution_id: str) -> str:
    """32 hexadecimal digits."""
    return hashlib.sha256(execution_id.encode()).hexdigest()[:32]


def span_id(execution_id: str, position: str = "") -> str:
    """16 hexadecimal digits; of the root without a position."""
    return hashlib.sha256(f"{execution_id}\n{position}".encode()).hexdigest()[:16]


def tree(execution: Ended, tasks: Iterable[EndedTask]) -> Iterator[Span]:
    """The root, then a span for each task; one whose parent is unknown hangs at the root."""
    known = list(tasks)
    positions = {task.position for task in known}
    yield _root(execution)
    for task in known:
        parent = task.parent if task.parent in positions else ""
        yield _of(execution, task, span_id(execution.id, parent))


def points(execution: Ended) -> Iterator[Point]:
    """How long it took, and how long it had waited for a worker, in seconds."""
    if execution.started_at is not None:
        yield Point(DURATION, "s", (execution.ended_at - execution.started_at).total_seconds())
        yield Point(QUEUED, "s", (execution.started_at - execution.created_at).total_seconds())


def _root(execution: Ended) -> Span:
    attributes: JsonObject = {
        "caseway.execution.id": execution.id,
        "caseway.organization": execution.organization,
        "caseway.process": execution.process,
        "caseway.instance": execution.instance,
        "caseway.stage": execution.stage,
        "caseway.workflow": execution.workflow,
        "caseway.version": execution.version,
        "caseway.trigger": execution.trigger,
        "caseway.status": execution.status,
        "enduser.id": execution.actor,
    }
    more = _told({"caseway.reason": execution.reason, "caseway.retry_of": execution.retry_of})
    return Span(
        trace_id=trace_id(execution.id),
        span_id=span_id(execution.id),
        parent_id="",
        name=f"{execution.process}/{execution.workflow}",
        kind="server" if execution.trigger == "http" else "internal",
        status=_status(execution.status),
        started_at=_text(execution.started_at or execution.created_at),
        ended_at=_text(execution.ended_at),
        attributes={**attributes, **more, **_failure(execution.error)},
    )


def _of(execution: Ended, task: EndedTask, parent_id: str) -> Span:
    attributes: JsonObject = {
        "caseway.execution.id": execution.id,
        "caseway.task.reference": task.reference,
        "caseway.task.position": task.position,
        "caseway.task.kind": task.kind,
        "caseway.task.attempts": task.attempts,
        "caseway.status": task.status,
    }
    return Span(
        trace_id=trace_id(execution.id),
        span_id=span_id(execution.id, task.position),
        parent_id=parent_id,
        name=task.name,
        kind="client" if task.kind == "call" else "internal",
        status=_status(task.status),
        started_at=task.started_at,
        ended_at=task.ended_at or _text(execution.ended_at),
        attributes={**attributes, **_told({"caseway.reason": task.reason}), **_failure(task.error)},
    )


def _status(status: str) -> str:
    """The three of OpenTelemetry: unset, ok, error."""
    return {"completed": "ok", "faulted": "error"}.get(status, "unset")


def _failure(error: JsonObject | None) -> JsonObject:
    if not error:
        return {}
    return {
        "error.type": str(error.get("type", "")),
        "error.message": str(error.get("title", ""))[:500],
        "http.response.status_code": error.get("status", 500),
    }


def _told(values: JsonObject) -> JsonObject:
    return {name: value for name, value in values.items() if value}


def _text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
