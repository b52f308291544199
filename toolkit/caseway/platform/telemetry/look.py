"""Telemetry to look at: the spans of an execution, the log of its tasks, and figures by window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.platform.bundle import Platform
from caseway.platform.tables import cursors, instant, log_lines, metric_points, spans
from caseway.platform.telemetry.tree import DURATION, Span

# How many characters of an instant name its window: the order of texts is the order of time.
WINDOWS = {"minute": 16, "hour": 13, "day": 10}
POINTS = 200_000  # read at most for one answer; more need a shorter time or a narrower filter


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that a task's process wrote. `stream` is stdout, stderr or log."""

    number: int
    at: str
    position: str
    stream: str
    text: str

    def as_json(self) -> JsonObject:
        """The line as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Window:
    """What ended in one window; `start` is its beginning in UTC, durations are seconds."""

    start: str
    process: str
    workflow: str
    executions: int
    faulted: int
    p50: float
    p95: float
    longest: float

    def as_json(self) -> JsonObject:
        """The window as a JSON object."""
        return asdict(self)


def spans_of(platform: Platform, organization: str, execution_id: str) -> list[Span]:
    """The span tree of an execution, the root first; empty before it was folded or after it expired."""
    query = (
        sa.select(spans)
        .where(spans.c.execution_id == execution_id, spans.c.organization == organization)
        .order_by(spans.c.number)
    )
    with platform.database.reading() as connection:
        return [_span(row) for row in connection.execute(query)]


def spans_after(platform: Platform, number: int, limit: int) -> list[tuple[int, Span]]:
    """Spans of every organization folded after `number`, with theirs: what an exporter sends next."""
    query = sa.select(spans).where(spans.c.number > number).order_by(spans.c.number).limit(limit)
    with platform.database.reading() as connection:
        return [(row.number, _span(row)) for row in connection.execute(query)]


def position(platform: Platform, reader: str) -> int:
    """How far `reader` has come; 0 at first."""
    with platform.database.reading() as connection:
        return connection.scalar(sa.select(cursors.c.number).where(cursors.c.name == reader)) or 0


def advance(platform: Platform, reader: str, number: int) -> None:
    """Note that `reader` has come as far as `number`."""
    with platform.database.writing() as connection:
        moved = connection.execute(sa.update(cursors).where(cursors.c.name == reader).values(number=number))
        if moved.rowcount == 0:
            connection.execute(sa.insert(cursors).values(name=reader, number=number))


def log_of(platform: Platform, execution_id: str, *, after: int = 0, limit: int = 1000) -> list[LogLine]:
    """The lines that the tasks of an execution wrote, oldest first, those after number `after`."""
    query = (
        sa.select(log_lines)
        .where(log_lines.c.execution_id == execution_id, log_lines.c.number > after)
        .order_by(log_lines.c.number)
        .limit(limit)
    )
    with platform.database.reading() as connection:
        return [
            LogLine(row.number, instant(row.at), row.position, row.stream, row.text)
            for row in connection.execute(query)
        ]


def windows(
    platform: Platform,
    organization: str,
    *,
    window: str = "hour",
    since: datetime | None = None,
    process: str = "",
    workflow: str = "",
) -> list[Window]:
    """How many executions ended in each window, how many of them faulted, and how long they took.

    Raises `CasewayError`: `window` for an unknown one, `too-many-points` beyond 200,000 executions."""
    if window not in WINDOWS:
        raise CasewayError(
            f"there is no window {window!r}", code="window", hint=f"one of: {', '.join(WINDOWS)}"
        )
    start = since or platform.clock() - timedelta(days=1)
    of = metric_points.c
    query = sa.select(
        sa.func.substr(of.at, 1, WINDOWS[window]).label("start"), of.process, of.workflow, of.status, of.value
    ).where(of.organization == organization, of.name == DURATION, of.at >= start)
    if process:
        query = query.where(of.process == process)
    if workflow:
        query = query.where(of.workflow == workflow)
    with platform.database.reading() as connection:
        rows = connection.execute(query.limit(POINTS + 1)).all()
    if len(rows) > POINTS:
        raise CasewayError(
            f"more than {POINTS:,} executions ended since then",
            code="too-many-points",
            hint="ask for a shorter time, or for one process",
        )
    groups: dict[tuple[str, str, str], list[tuple[str, float]]] = {}
    for row in rows:
        groups.setdefault((row.start, row.process, row.workflow), []).append((row.status, row.value))
    return list(_windows(groups))


def _windows(groups: dict[tuple[str, str, str], list[tuple[str, float]]]) -> Iterator[Window]:
    for (start, process, workflow), found in sorted(groups.items()):
        values = sorted(value for _, value in found)
        yield Window(
            start=start,
            process=process,
            workflow=workflow,
            executions=len(found),
            faulted=sum(status == "faulted" for status, _ in found),
            p50=_quantile(values, 0.5),
            p95=_quantile(values, 0.95),
            longest=values[-1],
        )


def _quantile(values: Sequence[float], share: float) -> float:
    """The nearest-rank quantile of sorted values."""
    return values[min(len(values) - 1, int(share * len(values)))]


def _span(row: sa.Row[tuple[object, ...]]) -> Span:
    return Span(
        trace_id=row.trace_id,
        span_id=row.span_id,
        parent_id=row.parent_id,
        name=row.name,
        kind=row.kind,
        status=row.status,
        started_at=row.started_at,
        ended_at=row.ended_at,
        attributes=row.attributes,
    )
