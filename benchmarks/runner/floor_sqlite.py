"""The floor with durability: one row inserted and committed for each step (SQLite, WAL, synchronous=FULL)."""

from __future__ import annotations

import sqlite3
import tempfile

from shapes import main


def opened() -> sqlite3.Connection:
    """An empty database in a folder of its own, on the disk that the others use, too."""
    connection = sqlite3.connect(tempfile.mkdtemp() + "/floor.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE step (id INTEGER PRIMARY KEY, position TEXT, data TEXT)")
    return connection


CONNECTION = opened()


async def rows(units: int, group: int = 1) -> None:
    """`units` rows, `group` of them a commit."""
    for _ in range(0, units, group):
        CONNECTION.execute("BEGIN IMMEDIATE")
        for _ in range(group):
            CONNECTION.execute("INSERT INTO step (position, data) VALUES (?, ?)", ("/do/0/step", "x" * 100))
        CONNECTION.execute("COMMIT")


if __name__ == "__main__":
    main(
        {
            "sequence": rows,
            "fan-out": rows,
            "short": rows,
            "crowd": lambda units: rows(units, 50),
        }
    )
