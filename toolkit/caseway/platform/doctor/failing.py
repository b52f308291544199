"""Why does it fail at once? Executions of the last day that ended within a second, grouped by what went
wrong; and those that nobody takes up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from caseway.platform.bundle import Platform
from caseway.platform.doctor.finding import ERROR, OK, WARNING, Finding
from caseway.platform.tables import executions

CHECK = "executions"
RECENT = timedelta(days=1)
AT_ONCE = 1.0  # seconds
UNCLAIMED = timedelta(minutes=1)  # a worker looks every second

# By the last part of an error's type (DSL reference, "Errors"): what to do.
CURES: Mapping[str, str] = {
    "configuration": "something that the workflow needs is not there, such as a connection or its "
    "credential: 'caseway executions get' names it, 'caseway credential list' shows what is stored",
    "validation": "the input does not fit the workflow's schema: compare it with 'caseway process get'",
    "expression": "an expression meets data of another shape: 'caseway run' with this input shows it",
    "authentication": "a service refuses the credential: 'caseway credential test' tries it",
    "authorization": "the credential is not there or may not do this: 'caseway credential list'",
    "communication": "a service cannot be reached from the worker: try its host from there",
    "timeout": "a service answers too slowly, or the timeout is too short",
    "runtime": "the workflow ran into a limit or lost its worker: 'caseway executions get' says which",
    "image-missing": "'caseway runtime build' makes the image that it runs in",
    "out-of-memory": "raise resources.memory of the use case or of the instance",
    "out-of-disk": "raise resources.disk of the use case or of the instance",
    "gpu-unavailable": "run its worker where such a GPU is, or ask for another in resources",
    "no-such-engine": "start its worker with an executor that has a container engine: DOCKER_HOST says where",
    "engine-unreachable": "the container engine of its worker does not answer: start it",
}


def failing(platform: Platform, organization: str) -> Iterator[Finding]:
    """One finding for each workflow and kind of error, the most frequent first."""
    now = platform.clock()
    with platform.database.reading() as connection:
        rows = connection.execute(_faulted(organization).where(executions.c.ended_at > now - RECENT)).all()
        unclaimed = connection.execute(_unclaimed(organization, now)).one()
    found = [*_grouped(rows)]
    if unclaimed.many:
        found.append(
            Finding(
                CHECK,
                ERROR,
                f"{unclaimed.many} executions wait for a worker, since {unclaimed.since:%H:%M:%S} UTC",
                "start one: caseway serve worker; or raise limits.concurrency if the instance is full",
            )
        )
    yield from found
    if not found:
        yield Finding(CHECK, OK, "none failed at once in the last day, none waits for a worker")


def _grouped(rows: Any) -> Iterator[Finding]:
    groups: dict[tuple[str, str, str], list[Any]] = {}
    for row in rows:
        if row.started_at is None or (row.ended_at - row.started_at).total_seconds() <= AT_ONCE:
            error = row.error or {}
            kind = str(error.get("type", "")).rstrip("/").rpartition("/")[2]
            key = (row.instance, row.workflow, f"{kind}\n{error.get('title') or ''}")
            groups.setdefault(key, []).append(row)
    for (instance, workflow, what), found in sorted(groups.items(), key=lambda item: -len(item[1])):
        kind, _, title = what.partition("\n")
        last = found[0]
        place = f" at {last.failed_task}" if last.failed_task else ""
        times = "once" if len(found) == 1 else f"{len(found)} times"
        yield Finding(
            CHECK,
            WARNING,
            f"{instance}/{workflow} failed at once {times}: {title or kind or last.reason}{place}",
            CURES.get(kind) or f"caseway executions get {last.id}",
        )


def _faulted(organization: str) -> sa.Select[Any]:
    names = ("id", "instance", "workflow", "error", "reason", "failed_task", "started_at", "ended_at")
    return (
        sa.select(*(executions.c[name] for name in names))
        .where(executions.c.organization == organization, executions.c.status == "faulted")
        .order_by(executions.c.created_at.desc())
        .limit(1000)
    )


def _unclaimed(organization: str, now: Any) -> sa.Select[Any, Any]:
    return sa.select(
        sa.func.count().label("many"), sa.func.min(executions.c.created_at).label("since")
    ).where(
        executions.c.organization == organization,
        executions.c.status == "pending",
        executions.c.created_at < now - UNCLAIMED,
    )
