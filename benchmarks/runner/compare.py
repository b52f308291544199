"""Measures the runner beside its peers, all shapes in one run, contestants taking turns.

python benchmarks/runner/compare.py --peers FOLDER [--postgres URL] [--rounds 3] [SHAPE ...]

Rule: the least time of the rounds counts, for the others hold what else the machine did; a contestant that
fails is shown as failed, never left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from shapes import SIZES

HERE = Path(__file__).parent
CLOCKS = {"wall": "by the clock", "cpu": "of processor time"}
SCALED = 1_000_000  # results are told in microseconds a unit


@dataclass(frozen=True)
class Contestant:
    """A program of this folder, the interpreter that runs it, and its database."""

    name: str
    program: str
    python: Path
    database: str = ""


def contestants(peers: Path | None, postgres: str) -> list[Contestant]:
    """Who takes part."""
    mine = Path(sys.executable)
    found = [
        Contestant("asyncio", "floor_memory.py", mine),
        Contestant("Caseway, memory", "ours_memory.py", mine),
        Contestant("INSERT+commit", "floor_sqlite.py", mine),
        Contestant("Caseway, SQLite", "ours_durable.py", mine),
    ]
    if postgres:
        database = postgres + "/caseway_bench"
        found.append(Contestant("INSERT+commit, PostgreSQL", "floor_postgres.py", mine, database))
        found.append(Contestant("Caseway, PostgreSQL", "ours_durable.py", mine, database))
    if peers is not None:
        python = peers / "bin" / "python"
        found.append(Contestant("DBOS, SQLite", "peer_dbos.py", python))
        if postgres:
            found.append(Contestant("DBOS, PostgreSQL", "peer_dbos.py", python, postgres + "/dbos_bench"))
        found.append(Contestant("Prefect", "peer_prefect.py", python))
    return found


def measured(contestant: Contestant, shapes: list[str], url: str) -> dict[str, dict[str, float]]:
    """Microseconds a unit by shape, on the wall's clock and of the processor in the contestant's process."""
    command = [str(contestant.python), str(HERE / contestant.program), contestant.database, *shapes]
    done = subprocess.run(
        command, env={**os.environ, "BENCH_URL": url}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"{contestant.name} failed: {done.stderr.strip()[-500:]}", file=sys.stderr)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"shape"')]
    return {
        clock: {line["shape"]: line[clock] / line["units"] * SCALED for line in lines} for clock in CLOCKS
    }


def table(best: dict[str, dict[str, float]], shapes: list[str]) -> str:
    """The results as Markdown."""
    rows = [["µs a unit", *shapes], ["---", *["--:"] * len(shapes)]]
    for name, results in best.items():
        rows.append([name, *[f"{results[shape]:,.0f}" if shape in results else "-" for shape in shapes]])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def ratios(best: dict[str, dict[str, float]], shapes: list[str]) -> str:
    """What the goals compare, as Markdown."""
    pairs = [
        ("Caseway, memory", "asyncio"),
        ("Caseway, SQLite", "INSERT+commit"),
        ("INSERT+commit, PostgreSQL", "INSERT+commit"),
        ("Caseway, PostgreSQL", "INSERT+commit, PostgreSQL"),
        ("DBOS, SQLite", "Caseway, SQLite"),
        ("DBOS, PostgreSQL", "Caseway, PostgreSQL"),
        ("Prefect", "Caseway, SQLite"),
    ]
    rows = [["times as long", *shapes], ["---", *["--:"] * len(shapes)]]
    for slow, fast in pairs:
        if best.get(slow) and best.get(fast):
            both = [shape in best[slow] and shape in best[fast] for shape in shapes]
            rows.append(
                [f"{slow} / {fast}"]
                + [
                    f"{best[slow][shape] / best[fast][shape]:,.1f}" if has else "-"
                    for shape, has in zip(shapes, both, strict=True)
                ]
            )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--postgres", default="")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("shapes", nargs="*", default=list(SIZES))
    given = parser.parse_args()
    standin = subprocess.Popen([sys.executable, str(HERE / "standin.py")], stdout=subprocess.PIPE, text=True)
    assert standin.stdout is not None
    url = standin.stdout.readline().strip()
    best: dict[str, dict[str, dict[str, float]]] = {clock: {} for clock in CLOCKS}
    try:
        for _ in range(given.rounds):
            for contestant in contestants(given.peers, given.postgres):
                for clock, results in measured(contestant, given.shapes, url).items():
                    mine = best[clock].setdefault(contestant.name, {})
                    for shape, took in results.items():
                        mine[shape] = min(took, mine.get(shape, took))
    finally:
        standin.kill()
        standin.wait()
    for clock, told in CLOCKS.items():
        print(f"**{told.capitalize()}**", table(best[clock], given.shapes), sep="\n\n", end="\n\n")
        print(ratios(best[clock], given.shapes), end="\n\n")


if __name__ == "__main__":
    main()
