"""Why is it slow? Where the time of the slowest executions of the last day went: waiting for a worker, one
task, values too large, or tasks that wait for one another though they could run side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from caseway.platform.bundle import Platform
from caseway.platform.doctor.finding import OK, WARNING, Finding
from caseway.platform.tables import artifact_uses, artifacts, executions, metric_points, spans
from caseway.platform.telemetry.tree import DURATION, QUEUED

CHECK = "speed"
RECENT = timedelta(days=1)
LONG = 10.0  # seconds; an execution that takes less is nobody's trouble
QUEUE = 2.0  # seconds in the queue
SHARE = 0.5  # of the whole time, spent in one task
LARGE = 5_000_000  # bytes of values in one execution
SAMPLE = 20  # slowest executions that are looked into


def slow(platform: Platform, organization: str) -> Iterator[Finding]:
    """What a slow workflow spends its time on."""
    since = platform.clock() - RECENT
    with platform.database.reading() as connection:
        found = [*_queued(connection, organization, since)]
        for row in connection.execute(_slowest(organization, since)).all():
            found += _within(connection, row)
    yield from found
    if not found:
        yield Finding(
            CHECK, OK, f"no execution of the last day took longer than {LONG:g} s or waited for long"
        )


def _queued(connection: sa.Connection, organization: str, since: Any) -> Iterator[Finding]:
    of = metric_points.c
    late = connection.execute(
        sa.select(sa.func.count().label("many"), sa.func.max(of.value).label("longest")).where(
            of.organization == organization, of.name == QUEUED, of.at >= since, of.value > QUEUE
        )
    ).one()
    if late.many:
        yield Finding(
            CHECK,
            WARNING,
            f"{late.many} executions waited for a worker, the longest {late.longest:.1f} s",
            "start more workers, or raise their --concurrency",
        )


def _slowest(organization: str, since: Any) -> sa.Select[Any]:
    """The slowest execution of each workflow."""
    of = metric_points.c
    ranked = (
        sa.select(
            of.execution_id,
            of.process,
            of.workflow,
            of.value,
            sa.func.row_number()
            .over(partition_by=(of.process, of.workflow), order_by=of.value.desc())
            .label("place"),
        )
        .where(of.organization == organization, of.name == DURATION, of.at >= since, of.value > LONG)
        .subquery()
    )
    query = sa.select(ranked).where(ranked.c.place == 1)
    return query.order_by(ranked.c.value.desc()).limit(SAMPLE)


def _within(connection: sa.Connection, row: Any) -> Iterator[Finding]:
    yield from _large(connection, row)
    query = sa.select(spans).where(spans.c.execution_id == row.execution_id).order_by(spans.c.started_at)
    known = connection.execute(query).all()
    parents = {span.parent_id for span in known}
    leaves = [span for span in known if span.span_id not in parents and span.parent_id]
    what = f"{row.process}/{row.workflow} took {row.value:.1f} s"
    look = f"caseway executions spans {row.execution_id}"
    longest = max(leaves, key=_seconds, default=None)
    if longest is not None and _seconds(longest) >= SHARE * row.value:
        yield Finding(
            CHECK,
            WARNING,
            f"{what}, {_seconds(longest):.1f} s of it in task {longest.name}",
            f"{_cure(longest)}; {look}",
        )
        return
    run = _sequence(leaves)
    if len(run) > 1:
        names = ", ".join(span.name for span in run[:5])
        yield Finding(
            CHECK,
            WARNING,
            f"{what}, {sum(map(_seconds, run)):.1f} s of it in calls one after another: {names}",
            f"those that do not need one another can run side by side in a fork; {look}",
        )
        return
    yield Finding(CHECK, WARNING, what, look)


def _cure(span: Any) -> str:
    """What makes the one long task shorter."""
    if span.kind == "client":
        return (
            "what it calls answers slowly: give it a timeout and a retry, ask it for less, or keep its answer"
        )
    if span.attributes.get("caseway.task.kind") == "run":
        return "raise resources.cpu or resources.memory, or let the process do less"
    return "split it, or let it do less"


def _large(connection: sa.Connection, row: Any) -> Iterator[Finding]:
    """Whether it carries so much that reading and writing it takes the time."""
    of = executions.c
    kept = sa.select(
        sa.func.coalesce(sa.func.length(sa.cast(sa.type_coerce(of.input, sa.Text), sa.Text)), 0)
        + sa.func.coalesce(sa.func.length(sa.cast(sa.type_coerce(of.result, sa.Text), sa.Text)), 0)
    ).where(of.id == row.execution_id)
    aside = (
        sa.select(sa.func.coalesce(sa.func.sum(artifacts.c.size), 0))
        .join(artifact_uses, artifact_uses.c.digest == artifacts.c.digest)
        .where(artifact_uses.c.execution_id == row.execution_id)
    )
    size = int(connection.scalar(kept) or 0) + int(connection.scalar(aside) or 0)
    if size > LARGE:
        yield Finding(
            CHECK,
            WARNING,
            f"{row.process}/{row.workflow} carried {size / 1e6:.1f} MB of values in {row.value:.1f} s",
            "hand on only what is needed (output.as), ask sources for less at a time, or hand on a reference",
        )


def _sequence(leaves: Sequence[Any]) -> Sequence[Any]:
    """The longest run of calls of one parent of which each began after the one before had ended."""
    best: list[Any] = []
    for parent in {span.parent_id for span in leaves}:
        run: list[Any] = []
        for span in (each for each in leaves if each.parent_id == parent and each.kind == "client"):
            if run and span.started_at < run[-1].ended_at:
                run = []
            run.append(span)
            if sum(map(_seconds, run)) > sum(map(_seconds, best)):
                best = list(run)
    return best


def _seconds(span: Any) -> float:
    return (datetime.fromisoformat(span.ended_at) - datetime.fromisoformat(span.started_at)).total_seconds()
