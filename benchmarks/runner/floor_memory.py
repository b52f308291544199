"""The floor without durability: the same shapes as plain asyncio code."""

from __future__ import annotations

import asyncio

import httpx
from shapes import fib, main, url


async def nothing() -> int:
    """A task that does nothing."""
    return 1


async def sequence(units: int) -> None:
    """One after the other."""
    for _ in range(units):
        await nothing()


async def fan_out(units: int) -> None:
    """All at once, and join."""
    await asyncio.gather(*[asyncio.create_task(nothing()) for _ in range(units)])


async def http(units: int) -> None:
    """A client each, as executions have, all at once."""

    async def call() -> None:
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            (await client.get(url())).json()

    await asyncio.gather(*[call() for _ in range(units)])


async def calls(units: int) -> None:
    """One after the other by one client, answered at once."""
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        for _ in range(units):
            (await client.get(url() + "now")).json()


async def script(n: int, units: int) -> None:
    """In this process: no isolation."""
    for _ in range(units):
        fib(n)


if __name__ == "__main__":
    main(
        {
            "sequence": sequence,
            "fan-out": fan_out,
            "short": sequence,
            "crowd": sequence,
            "http": http,
            "calls": calls,
            "fib(10)": lambda units: script(10, units),
            "fib(33)": lambda units: script(33, units),
        }
    )
