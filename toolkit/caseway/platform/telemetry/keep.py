"""How long what is kept: the durations a process declares, and the rows whose time is over.

Rule: nothing is deleted but by its own `expires_at`, and of a live execution nothing at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from caseway.platform.bundle import Platform
from caseway.platform.tables import executions, log_lines, metadata, metric_points, spans

RUNS = timedelta(days=14)
TELEMETRY = timedelta(days=90)
BATCH = 500  # rows a transaction: a pruner never keeps a writer waiting for long

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the run data of an ended execution is kept, and how long its telemetry."""

    runs: timedelta = RUNS
    telemetry: timedelta = TELEMETRY


def retention(listing: Mapping[str, Any]) -> Retention:
    """What a process declares (`retention` of its listing), else the defaults."""
    declared = listing.get("retention") or {}
    return Retention(
        runs=_duration(declared["runs"]) if declared.get("runs") else RUNS,
        telemetry=_duration(declared["telemetry"]) if declared.get("telemetry") else TELEMETRY,
    )


def prune(platform: Platform, *, batches: int = 20) -> dict[str, int]:
    """Delete what has expired, at most `batches` small transactions of each table; how much of each."""
    now = platform.clock()
    return {name: sum(_pruned(platform, name, now, batches)) for name in EXPIRING}


def _pruned(platform: Platform, name: str, now: datetime, batches: int) -> Iterator[int]:
    table = metadata.tables[name]
    key = EXPIRING[name]
    old = sa.select(table.c[key]).where(table.c.expires_at <= now).order_by(table.c.expires_at).limit(BATCH)
    for _ in range(batches):
        with platform.database.writing() as connection:
            keys = connection.scalars(old).all()
            if keys:
                connection.execute(sa.delete(table).where(table.c[key].in_(keys)))
        yield len(keys)
        if len(keys) < BATCH:
            return


# Every table whose rows end by themselves, and its key. An execution takes its journal and tasks with it.
EXPIRING: Mapping[str, str] = {
    executions.name: "id",
    spans.name: "number",
    metric_points.name: "number",
    log_lines.name: "number",
}


def _duration(text: str) -> timedelta:
    number = text.rstrip("msdh")
    return timedelta(**{_UNITS[text[len(number) :]]: int(number)})
