"""The floor with durability on PostgreSQL: one row inserted and committed for each step."""

from __future__ import annotations

import sys

import psycopg
from shapes import main

CONNECTION = psycopg.connect(sys.argv[1])
CONNECTION.execute("DROP TABLE IF EXISTS floor_step")
CONNECTION.execute("CREATE TABLE floor_step (id BIGSERIAL PRIMARY KEY, position TEXT, data TEXT)")
CONNECTION.commit()


async def rows(units: int, group: int = 1) -> None:
    """`units` rows, `group` of them a commit."""
    row = ("/do/0/step", "x" * 100)
    for _ in range(0, units, group):
        CONNECTION.cursor().executemany(
            "INSERT INTO floor_step (position, data) VALUES (%s, %s)", [row] * group
        )
        CONNECTION.commit()


if __name__ == "__main__":
    main({"sequence": rows, "fan-out": rows, "short": rows, "crowd": lambda units: rows(units, 50)})
