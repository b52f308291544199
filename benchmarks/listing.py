"""Lists of executions, by every filter, of a table of a million.

python benchmarks/listing.py [--rows 1000000] [--database URL]

Rule: what is asked for is what people ask for, the rare among the common too; each question is asked on a
connection that was used before, and the median of five counts.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parent / "load"))

from compare import prepared as carried

from caseway.platform import executions
from caseway.platform.compose import Platform, open_platform
from caseway.platform.prepared import NEW, insert_executions
from caseway.platform.statements import raw
from caseway.platform.tables import executions as table
from caseway.platform.tables import instant
from caseway.targets.registry import TARGETS

BATCH = 10_000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
ORGANIZATION = "load"
SECOND = timedelta(seconds=1)


def rows(like: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """Executions of a year: 1,000 instances, 100 processes, one in 10,000 faulted."""
    for number in range(count):
        at = instant(BEGAN + number * timedelta(seconds=30))
        instance = (number * 7919) % 1000
        yield {
            **{name: like[name] for name in NEW},
            "id": f"{number:024x}",
            "instance": f"instance-{instance}",
            "process": f"process-{instance % 100}",
            "stage": "prod" if instance % 10 else "dev",
            "workflow": f"workflow-{instance % 5}",
            "version": f"1.{instance % 20}.0",
            "trigger": "manual" if number % 5000 == 17 else ("schedule" if number % 3 else "http"),
            "status": "faulted" if number % 10_000 == 3 else "completed",
            "created_at": at,
            "started_at": at,
            "idempotency_key": None,
        }


def fill(platform: Platform, count: int) -> None:
    """Make the rows, like one that was made in earnest."""
    first = executions.create(platform, executions.NewExecution(ORGANIZATION, "load-dev"))
    with platform.database.reading() as connection:
        made = connection.exec_driver_sql(
            f"SELECT {', '.join(NEW)} FROM executions WHERE id = '{first}'"
        ).one()
    like = dict(zip(NEW, made, strict=True))
    waiting: list[dict[str, Any]] = []
    for row in rows(like, count):
        waiting.append(row)
        if len(waiting) == BATCH:
            _store(platform, waiting)
    if waiting:
        _store(platform, waiting)


def _store(platform: Platform, waiting: list[dict[str, Any]]) -> None:
    with platform.database.writing() as connection:
        insert_executions(raw(connection), waiting)
        ids = table.c.id.between(waiting[0]["id"], waiting[-1]["id"])
        connection.execute(sa.update(table).where(ids).values(ended_at=table.c.created_at))
    waiting.clear()


QUESTIONS: dict[str, dict[str, Any]] = {
    "the newest": {},
    "faulted (1 in 10,000)": {"status": "faulted"},
    "completed": {"status": "completed"},
    "of one instance": {"instance": "instance-77"},
    "of one process": {"process": "process-7"},
    "in dev": {"stage": "dev"},
    "by hand (1 in 5,000)": {"trigger": "manual"},
    "of one version": {"version": "1.3.0"},
    "of one workflow": {"workflow": "workflow-3"},
    "completed, of one instance": {"status": "completed", "instance": "instance-77"},
    "faulted, of one process": {"status": "faulted", "process": "process-3"},
    "by hand, in dev": {"trigger": "manual", "stage": "dev"},
    "of a day": {"since": BEGAN + timedelta(days=100), "until": BEGAN + timedelta(days=101)},
    "running (none)": {"status": "running"},
}


def asked(platform: Platform, **question: Any) -> float:
    """Milliseconds of one page of 50."""
    took = []
    for _ in range(5):
        began = time.perf_counter()
        executions.list_executions(platform, ORGANIZATION, **question)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def deep(platform: Platform) -> float:
    """Milliseconds of the page in the middle of the table, by its cursor."""
    from caseway.platform.trail import _cursor  # noqa: PLC0415 - nobody turns 10,000 pages to get there

    middle = sa.select(table).order_by(table.c.id).limit(1)
    with platform.database.reading() as connection:
        half = f"{int(connection.scalar(sa.select(sa.func.count()).select_from(table))) // 2:024x}"
        row = connection.execute(middle.where(table.c.id >= half)).one()
    return asked(platform, cursor=_cursor(row))


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--database", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        database = given.database or f"sqlite:///{name}/state.db"
        carried(Path(name) / "project", database)
        with open_platform(database, targets=TARGETS) as platform:
            began = time.perf_counter()
            fill(platform, given.rows)
            print(f"{given.rows:,} rows made in {time.perf_counter() - began:.0f} s\n")
            print("| 50 executions | ms |", "| --- | --: |", sep="\n")
            for told, question in QUESTIONS.items():
                print(f"| {told} | {asked(platform, **question):.1f} |", flush=True)
            print(f"| the page in the middle | {deep(platform):.1f} |")


if __name__ == "__main__":
    main()
