"""What goes over the pipe between a runner in a container and whoever runs it: values as JSON and back.

Rule: no I/O here. Both ends use these functions, so that what one writes the other reads; every message is
one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from caseway_runner.approvals import ApprovalRequest, Decision
from caseway_runner.containers import ContainerRequest, ContainerResult
from caseway_runner.errors import error_from_json
from caseway_runner.journal import Entry
from caseway_runner.lines import Line
from caseway_runner.outcome import Outcome, Status, TaskRecord, Waiting
from caseway_runner.policy import Limits, Policy
from caseway_runner.ports import Execution

PROTOCOL = 1
# Longer lines end the conversation: a runner that was taken over must not fill the memory of its host.
MAX_LINE = 64 * 1024 * 1024

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class BadMessage(ValueError):
    """A line that is not a message of this protocol."""


def line_of(message: Mapping[str, Any]) -> bytes:
    """The message as one line."""
    # Lone surrogates are valid in a JSON string, not in UTF-8: then everything goes in ASCII.
    try:
        return _encode(message).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def message_in(line: bytes) -> dict[str, Any]:
    """The message in a line; raises `BadMessage`."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"not a line of JSON: {error}") from error
    if not isinstance(message, dict):
        raise BadMessage("a message is a JSON object")
    return message


def entry_json(entry: Entry) -> list[Any]:
    """A journal entry."""
    return [entry.position, entry.kind, entry.at, entry.data]


def entry_in(value: Any) -> Entry:
    """The entry that `entry_json` wrote; raises `BadMessage`."""
    match value:
        case [str(position), str(kind), str(at), data]:
            return Entry(position, kind, at, data)
        case _:
            raise BadMessage("not a journal entry")


def entries_in(value: Any) -> list[Entry]:
    """A list of entries; raises `BadMessage`."""
    if not isinstance(value, list):
        raise BadMessage("expected a list of journal entries")
    return [entry_in(item) for item in value]


def record_json(record: TaskRecord) -> dict[str, Any]:
    """A task record."""
    error = None if record.error is None else dict(record.error.as_json())
    plain = {name: getattr(record, name) for name in _RECORD}
    return {
        **plain,
        "attempts": record.attempts,
        "output": record.output,
        "error": error,
        "input": record.input,
    }


_RECORD = ("reference", "name", "kind", "status", "started_at", "ended_at", "position", "parent", "reason")


def record_in(value: Any) -> TaskRecord:
    """The record that `record_json` wrote; raises `BadMessage`."""
    try:
        texts = {name: str(value[name]) for name in _RECORD if name != "status"}
        return TaskRecord(
            **texts,
            status=Status(value["status"]),
            attempts=int(value["attempts"]),
            output=value["output"],
            input=value["input"],
            error=None if value["error"] is None else error_from_json(value["error"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadMessage("not a task record") from error


def line_in(value: Any) -> Line:
    """A line that a task's process wrote; raises `BadMessage`."""
    try:
        return Line(**{name: str(value[name]) for name in ("position", "reference", "stream", "text")})
    except (KeyError, TypeError) as error:
        raise BadMessage("not a line") from error


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """How an execution ended, or that it sleeps."""
    return {
        "status": outcome.status,
        "output": outcome.output,
        "error": None if outcome.error is None else dict(outcome.error.as_json()),
        "reason": outcome.reason,
        "tasks": [record_json(record) for record in outcome.tasks],
        "waiting": None if outcome.waiting is None else _waiting_json(outcome.waiting),
    }


def outcome_in(execution_id: str, value: Any) -> Outcome:
    """The outcome that `outcome_json` wrote; raises `BadMessage`."""
    try:
        return Outcome(
            id=execution_id,
            status=Status(value["status"]),
            output=value["output"],
            error=None if value["error"] is None else error_from_json(value["error"]),
            reason=str(value["reason"]),
            tasks=tuple(record_in(item) for item in value["tasks"]),
            waiting=None if value["waiting"] is None else _waiting_in(value["waiting"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadMessage("not an outcome") from error


def _waiting_json(waiting: Waiting) -> dict[str, Any]:
    until = None if waiting.until is None else waiting.until.isoformat()
    return {"until": until, "filters": [dict(item) for item in waiting.filters], "seen": waiting.seen}


def _waiting_in(value: Mapping[str, Any]) -> Waiting:
    until = None if value["until"] is None else datetime.fromisoformat(value["until"])
    return Waiting(until, tuple(dict(item) for item in value["filters"]), int(value["seen"]))


def execution_json(execution: Execution) -> dict[str, Any]:
    """Who runs."""
    return {"id": execution.id, "depth": execution.depth, "labels": dict(execution.labels)}


def execution_in(value: Mapping[str, Any]) -> Execution:
    """The execution that `execution_json` wrote."""
    return Execution(str(value["id"]), int(value["depth"]), dict(value["labels"]))


def policy_json(policy: Policy) -> dict[str, Any]:
    """What the workflow may do."""
    return asdict(policy)


def policy_in(value: Mapping[str, Any]) -> Policy:
    """The policy that `policy_json` wrote."""
    fields = dict(value)
    lists = {name: tuple(item) for name, item in fields.items() if isinstance(item, list)}
    return Policy(**{**fields, **lists, "limits": Limits(**fields["limits"])})


def page_of(entries: Sequence[Entry], start: int, most: int = 500) -> dict[str, Any]:
    """Some entries from `start` on, and whether there are more."""
    page = [entry_json(entry) for entry in entries[start : start + most]]
    return {"entries": page, "more": start + most < len(entries)}


def approval_json(asked: ApprovalRequest) -> dict[str, Any]:
    """What a person is asked."""
    deadline = None if asked.deadline is None else asked.deadline.isoformat()
    return {**asdict(asked), "deadline": deadline}


def approval_in(value: Any) -> ApprovalRequest:
    """The request that `approval_json` wrote; raises `BadMessage`."""
    try:
        deadline = None if value["deadline"] is None else datetime.fromisoformat(value["deadline"])
        approvers = tuple(str(name) for name in value["approvers"])
        return ApprovalRequest(**{**value, "deadline": deadline, "approvers": approvers})
    except (KeyError, TypeError, ValueError) as error:
        raise BadMessage("not a request for approval") from error


def decision_json(decision: Decision) -> dict[str, Any]:
    """A decision."""
    return asdict(decision)


def decision_in(value: Any) -> Decision:
    """The decision that `decision_json` wrote; raises `BadMessage`."""
    try:
        return Decision(**value)
    except TypeError as error:
        raise BadMessage("not a decision") from error


def container_json(request: ContainerRequest) -> dict[str, Any]:
    """A container to run."""
    return asdict(request)


def container_in(value: Any) -> ContainerRequest:
    """The request that `container_json` wrote; raises `BadMessage`."""
    try:
        request = ContainerRequest(**{**value, "arguments": tuple(str(one) for one in value["arguments"])})
    except (KeyError, TypeError) as error:
        raise BadMessage("not a request for a container") from error
    maps = (request.environment, request.ports, request.volumes)
    texts = (request.key, request.image, request.name, request.command, request.stdin, request.reference)
    are_maps = all(isinstance(one, Mapping) for one in maps)
    if not are_maps or not all(isinstance(one, str) for one in texts):
        raise BadMessage("not a request for a container")
    return request


def result_json(result: ContainerResult) -> dict[str, Any]:
    """How a container ended."""
    return asdict(result)


def result_in(value: Any) -> ContainerResult:
    """The result that `result_json` wrote; raises `BadMessage`."""
    try:
        is_heard = bool(value.get("is_heard"))
        return ContainerResult(int(value["code"]), str(value["stdout"]), str(value["stderr"]), is_heard)
    except (KeyError, TypeError, ValueError) as error:
        raise BadMessage("not the result of a container") from error
