"""Prefect with the server that it starts by itself (SQLite): states of runs are recorded there.

Prefect takes tens of milliseconds a task and seconds a run, so it runs a fraction of the units."""

from __future__ import annotations

import asyncio
import os
import tempfile

os.environ.update(
    PREFECT_HOME=tempfile.mkdtemp(),
    PREFECT_LOGGING_LEVEL="CRITICAL",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    DO_NOT_TRACK="1",
)

import httpx
from prefect import flow, task
from shapes import fib, main, url


@task
async def nothing() -> int:
    """A task that does nothing."""
    return 1


@task
async def call() -> object:
    """One HTTP request."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(url())).json()


@task
async def number(n: int) -> int:
    """Work for the processor, in this process."""
    return fib(n)


@flow
async def steps(units: int) -> None:
    """One after the other."""
    for _ in range(units):
        await nothing()


@flow
async def branches(units: int) -> None:
    """All at once, and join."""
    await asyncio.gather(*[nothing() for _ in range(units)])


@flow
async def calling() -> None:
    """A request."""
    await call()


@flow
async def numbers(n: int, units: int) -> None:
    """Scripts."""
    for _ in range(units):
        await number(n)


async def short(units: int) -> None:
    """Separate flows of one task."""
    for _ in range(units):
        await steps(1)


async def http(units: int) -> None:
    """Some flows that wait for an answer."""
    await asyncio.gather(*[calling() for _ in range(units)])


if __name__ == "__main__":
    main(
        {
            "sequence": steps,
            "fan-out": branches,
            "short": short,
            "http": http,
            "fib(10)": lambda units: numbers(10, units),
            "fib(33)": lambda units: numbers(33, units),
        },
        {"sequence": 5, "fan-out": 5, "short": 200, "http": 40},
    )
