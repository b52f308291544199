"""How an execution reads: the JSON of DESIGN section 8, and a task tree for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from caseway.cli.output import clean, facts_of, paint, painted_status, say
from caseway_runner import Outcome, TaskRecord

MARKS = {
    "completed": ("✓", "green"),
    "faulted": ("✗", "red"),
    "cancelled": ("⊘", "yellow"),
    "running": ("▸", "cyan"),
    "waiting": ("◷", "cyan"),
    "suspended": ("‖", "yellow"),
    "pending": ("·", ""),
}
MAX_SHOWN = 20_000


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """`{"id","status","output","error","tasks":[…]}`."""
    return {
        "id": outcome.id,
        "status": str(outcome.status),
        "output": outcome.output,
        "error": facts_of(outcome.error) if outcome.error else None,
        "tasks": [
            {
                "reference": record.reference,
                "name": record.name,
                "status": str(record.status),
                "startedAt": record.started_at,
                "endedAt": record.ended_at,
                "attempts": record.attempts,
            }
            for record in outcome.tasks
        ],
    }


def outcome_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """As `outcome_json`, from an execution that ran elsewhere."""
    shown = ("reference", "name", "status", "startedAt", "endedAt", "attempts")
    tasks = [{name: task[name] for name in shown} for task in facts["tasks"]]
    return {**{name: facts[name] for name in ("id", "status", "output", "error")}, "tasks": tasks}


def records_as_rows(records: Iterable[TaskRecord]) -> list[dict[str, Any]]:
    """Task records as the rows `print_tree` takes."""
    return [
        {
            "position": record.position or record.reference,
            "parent": record.parent,
            "name": record.name,
            "kind": record.kind,
            "status": str(record.status),
            "startedAt": record.started_at,
            "endedAt": record.ended_at,
            "attempts": record.attempts,
            "reason": record.reason,
            "error": facts_of(record.error) if record.error else None,
        }
        for record in records
    ]


def print_tree(rows: Sequence[Mapping[str, Any]]) -> None:
    """One line per task below its parent, in the order they started: mark, name, kind, duration, attempts and
    what went wrong. A task whose parent is not among the rows stands at the margin."""
    known = {row["position"] for row in rows}
    children: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        parent = row.get("parent") or ""
        children.setdefault(parent if parent in known and parent != row["position"] else "", []).append(row)
    waiting = [(row, 1) for row in reversed(children.get("", ()))]
    while waiting:
        row, depth = waiting.pop()
        say("  " * depth + _task_line(row))
        waiting += [(child, depth + 1) for child in reversed(children.get(row["position"], ()))]


def _task_line(row: Mapping[str, Any]) -> str:
    mark, colour = MARKS.get(row["status"], ("·", ""))
    words = [paint(mark, colour), clean(row["name"]), paint(clean(row.get("kind") or ""), "bright_black")]
    took = duration(row.get("startedAt") or "", row.get("endedAt") or "")
    if took:
        words.append(paint(took, "bright_black"))
    if (row.get("attempts") or 1) > 1:
        words.append(paint(f"{row['attempts']} attempts", "yellow"))
    if row["status"] not in {"completed", "faulted"}:
        words.append(painted_status(row["status"]))
    error = row.get("error")
    if error:
        words.append(
            paint(f"{error.get('status', '')} {clean(error.get('title') or error.get('type', ''))}", "red")
        )
    return " ".join(word for word in words if word)


def duration(started: str, ended: str) -> str:
    """`1.2s` between two RFC 3339 times; "" when one is missing."""
    if not started or not ended:
        return ""
    seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()
    return span(seconds)


def span(seconds: float) -> str:
    """Seconds as people say them: `3ms`, `1.2s`, `2m05s`, `1h03m`."""
    if seconds < 0.9995:
        return f"{max(seconds, 0) * 1000:.0f}ms"
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"


def print_error(error: Mapping[str, Any] | None) -> None:
    """An execution's error: status, title, detail and the task."""
    if not error:
        return
    title = clean(error.get("title") or error.get("type", ""))
    say(paint(f"error {error.get('status', '')}: {title}", "red", bold=True))
    for key in ("detail", "type", "instance"):
        if error.get(key):
            say(f"  {key:<9} {clean(error[key], lines=True)}")


def print_output(output: Any) -> None:
    """The output as indented JSON, cut when it is huge."""
    text = clean(json.dumps(output, indent=2, ensure_ascii=False, default=str), lines=True)
    if len(text) > MAX_SHOWN:
        text = text[:MAX_SHOWN] + f"\n… {len(text) - MAX_SHOWN:,} more characters; --format json shows all"
    say(paint("output", "", bold=True))
    say(text)


def print_outcome(outcome: Outcome, heading: str) -> None:
    """Status, task tree, then error or output."""
    say(
        f"{painted_status(str(outcome.status))}  {clean(heading)}"
        + (f"  ({outcome.reason})" if outcome.reason else "")
    )
    print_tree(records_as_rows(outcome.tasks))
    if outcome.error is not None:
        print_error(facts_of(outcome.error))
    elif outcome.status == "completed":
        print_output(outcome.output)
