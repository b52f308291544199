"""Folds ended executions into telemetry, and says from then on when their run data may go.

Rule: spans, points and the mark are one transaction, so an execution is folded once or not at all; one that
was resumed and ended again is folded anew, under the same ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.tables import executions, log_lines, metric_points, processes, spans, tasks
from caseway.platform.telemetry.keep import Retention, retention
from caseway.platform.telemetry.tree import Ended, EndedTask, points, tree

BATCH = 200

_SAME = ("id", "organization", "process", "instance", "stage", "workflow", "version", "status", "reason")
_SAME_TOO = ("trigger", "actor", "retry_of", "error", "created_at", "started_at", "ended_at")
_OF_TASK = ("position", "parent", "reference", "name", "kind", "status", "reason", "started_at", "ended_at")


def fold(platform: Platform, *, limit: int = BATCH) -> int:
    """Fold up to `limit` executions, those that ended first before the others; how many."""
    with platform.database.writing() as connection:
        rows = connection.execute(_unfolded(limit)).all()
        if not rows:
            return 0
        ids = [row.id for row in rows]
        kept = _retentions(connection, {(row.organization, row.process) for row in rows})
        trees = _tasks(connection, ids)
        for table in (spans, metric_points):  # what an earlier end of the same execution left
            connection.execute(sa.delete(table).where(table.c.execution_id.in_(ids)))
        found_spans: list[dict[str, Any]] = []
        found_points: list[dict[str, Any]] = []
        marks, logs = [], []
        for row in rows:
            held = kept.get((row.organization, row.process), Retention())
            ended = Ended(**{name: getattr(row, name) for name in _SAME + _SAME_TOO})
            found_spans += _span_rows(ended, trees.get(row.id, ()), held.telemetry)
            found_points += _point_rows(ended, held.telemetry)
            marks.append({"which": row.id, "ended": row.ended_at, "until": row.ended_at + held.runs})
            logs.append({"whose": row.id, "until": row.ended_at + held.telemetry})
        connection.execute(sa.insert(spans), found_spans)
        if found_points:
            connection.execute(sa.insert(metric_points), found_points)
        connection.execute(_MARK, marks)
        connection.execute(_LINES, logs)
    return len(rows)


_MARK = (
    sa.update(executions)
    .where(executions.c.id == sa.bindparam("which"), executions.c.ended_at == sa.bindparam("ended"))
    .values(expires_at=sa.bindparam("until"))
)


_LINES = (
    sa.update(log_lines)
    .where(log_lines.c.execution_id == sa.bindparam("whose"))
    .values(expires_at=sa.bindparam("until"))
)


def _unfolded(limit: int) -> sa.Select[Any]:
    return (
        sa.select(*(executions.c[name] for name in _SAME + _SAME_TOO))
        .where(executions.c.expires_at.is_(None), executions.c.ended_at.is_not(None))
        .order_by(executions.c.ended_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def _retentions(
    connection: sa.Connection, wanted: Iterable[tuple[str, str]]
) -> Mapping[tuple[str, str], Retention]:
    query = sa.select(processes.c.organization, processes.c.name, processes.c.listing).where(
        sa.tuple_(processes.c.organization, processes.c.name).in_(list(wanted)), processes.c.tombstone == ""
    )
    return {(row.organization, row.name): retention(row.listing) for row in connection.execute(query)}


def _tasks(connection: sa.Connection, ids: list[str]) -> Mapping[str, list[EndedTask]]:
    query = (
        sa.select(*(tasks.c[name] for name in (*_OF_TASK, "attempts", "error", "execution_id")))
        .where(tasks.c.execution_id.in_(ids))
        .order_by(tasks.c.execution_id, tasks.c.number)
    )
    found: dict[str, list[EndedTask]] = {}
    for row in connection.execute(query):
        found.setdefault(row.execution_id, []).append(_task(row))
    return found


def _task(row: Row) -> EndedTask:
    return EndedTask(
        **{name: getattr(row, name) for name in _OF_TASK}, attempts=row.attempts, error=row.error
    )


def _span_rows(ended: Ended, held: Iterable[EndedTask], kept: timedelta) -> list[dict[str, Any]]:
    return [
        {
            "organization": ended.organization,
            "execution_id": ended.id,
            **{name: getattr(span, name) for name in _OF_SPAN},
            "expires_at": ended.ended_at + kept,
        }
        for span in tree(ended, held)
    ]


_OF_SPAN = (
    "trace_id",
    "span_id",
    "parent_id",
    "name",
    "kind",
    "status",
    "started_at",
    "ended_at",
    "attributes",
)


def _point_rows(ended: Ended, kept: timedelta) -> list[dict[str, Any]]:
    same = ("organization", "process", "instance", "workflow", "version", "status")
    return [
        {
            **{name: getattr(ended, name) for name in same},
            "execution_id": ended.id,
            "name": point.name,
            "unit": point.unit,
            "value": point.value,
            "at": ended.ended_at,
            "expires_at": ended.ended_at + kept,
        }
        for point in points(ended)
    ]
