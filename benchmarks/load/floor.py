"""The floor: bare FastAPI that inserts one row and commits for each request (SQLite, WAL, synchronous=FULL).

python benchmarks/load/floor.py DATABASE PORT
"""

from __future__ import annotations

import json
import sqlite3
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI

APP = FastAPI()


def opened(file: str) -> sqlite3.Connection:
    """An empty table."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE IF NOT EXISTS request (id INTEGER PRIMARY KEY, body TEXT)")
    return connection


@APP.post("/start")
async def start(body: dict[str, Any]) -> dict[str, Any]:
    """One row, durable before the answer; inserted in the event loop, for threads cost more than the wait."""
    made = CONNECTION.execute("INSERT INTO request (body) VALUES (?)", (json.dumps(body),))
    return {"id": made.lastrowid, "total": body["amount"]}


if __name__ == "__main__":
    CONNECTION = opened(sys.argv[1])
    uvicorn.run(APP, port=int(sys.argv[2]), log_level="error", access_log=False)
