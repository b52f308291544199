"""How long 1,000 instances of one process take to follow a new version: planning, and updating with progress.

Run by hand: `python benchmarks/updates.py [INSTANCES]`. The floor beside it is as many bare transactions of
one row on the same disk, for each update commits at least once."""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]

from caseway.platform.apply import Progress, apply  # noqa: E402 - the path is set above
from chaos.store_builders import (  # noqa: E402
    a_platform,
    a_repo,
    a_use_case,
    an_instance,
    deployed,
    planned,
)


def main(count: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        floor = _floor(Path(folder) / "floor.db", count)
        with a_platform(f"sqlite:///{folder}/state.db") as platform:
            instances = [an_instance(f"i-{number:05}", owner=f"user-{number}") for number in range(count)]
            deployed(platform, a_repo(a_use_case(), *instances))
            began = time.perf_counter()
            plan = planned(platform, a_repo(a_use_case(title="changed"), *instances))
            took_plan = time.perf_counter() - began
            shown = _Shown()
            began = time.perf_counter()
            report = apply(platform, plan, actor="benchmark", on_progress=shown)
            took = time.perf_counter() - began
    print(file=sys.stderr)
    assert report.is_ok, report.failed[:1]
    print(
        f"{count} instances: plan {took_plan:.2f} s, update {took:.2f} s, {took / count * 1000:.1f} ms each"
    )
    print(f"floor of {count} one-row commits {floor:.2f} s: ratio {took / floor:.1f}")


class _Shown:
    """Progress on stderr, in place."""

    def __call__(self, event: Progress) -> None:
        if event.event == "finished":
            print(f"\r{event.index}/{event.total}", end="", file=sys.stderr)


def _floor(file: Path, count: int) -> float:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (n INTEGER)")
    began = time.perf_counter()
    for number in range(count):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t VALUES (?)", (number,))
        connection.execute("COMMIT")
    took = time.perf_counter() - began
    connection.close()
    return took


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
