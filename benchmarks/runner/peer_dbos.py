"""DBOS on the database of the first argument: steps are recorded, so every shape is durable."""

from __future__ import annotations

import asyncio
import sys
import tempfile

import httpx
from dbos import DBOS
from shapes import CROWD, fib, main, url


@DBOS.step()
async def nothing() -> int:
    """A step that does nothing."""
    return 1


@DBOS.step()
async def call() -> object:
    """One HTTP request."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(url())).json()


@DBOS.step()
async def number(n: int) -> int:
    """Work for the processor, in this process."""
    return fib(n)


@DBOS.workflow()
async def steps(units: int) -> None:
    """One after the other."""
    for _ in range(units):
        await nothing()


@DBOS.workflow()
async def branches(units: int) -> None:
    """All at once, and join."""
    await asyncio.gather(*[nothing() for _ in range(units)])


@DBOS.workflow()
async def calling() -> None:
    """A request."""
    await call()


@DBOS.workflow()
async def numbers(n: int, units: int) -> None:
    """Scripts."""
    for _ in range(units):
        await number(n)


async def short(units: int) -> None:
    """Separate workflows of one step."""
    for _ in range(units):
        await steps(1)


async def crowd(units: int) -> None:
    """Many workflows at once."""
    await asyncio.gather(*[steps(units // CROWD) for _ in range(CROWD)])


async def http(units: int) -> None:
    """Many workflows that wait for an answer."""
    await asyncio.gather(*[calling() for _ in range(units)])


if __name__ == "__main__":
    database = sys.argv[1] or f"sqlite:///{tempfile.mkdtemp()}/dbos.db"
    DBOS(config={"name": "bench", "system_database_url": database, "log_level": "ERROR"})
    DBOS.launch()
    main(
        {
            "sequence": steps,
            "fan-out": branches,
            "short": short,
            "crowd": crowd,
            "http": http,
            "fib(10)": lambda units: numbers(10, units),
            "fib(33)": lambda units: numbers(33, units),
        },
        {"short": 10},
    )
    DBOS.destroy()
