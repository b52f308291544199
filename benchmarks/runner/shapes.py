"""The shapes that every contestant runs, and how a contestant reports: one JSON line a shape.

Rule: a contestant only says how to run a shape; sizes, warm-up and clock are the same for all. Nothing is
imported here but the standard library, because peers live in an environment of their own.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping

# How many units: tasks, branches, executions, calls, scripts. A slow contestant runs a fraction of them.
SIZES: Mapping[str, int] = {
    "sequence": 100,
    "fan-out": 100,
    "short": 1000,
    "crowd": 1000,
    "http": 200,
    "calls": 500,
    "fib(10)": 40,
    "fib(33)": 10,
}
CROWD = 50  # executions at once in `crowd`, which share its steps

Shape = Callable[[int], Awaitable[object]]


def fib(n: int) -> int:
    """Work for the processor."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def url() -> str:
    """Where the stand-in answers after 100 ms."""
    return os.environ.get("BENCH_URL", "http://127.0.0.1:9/")


async def report(shapes: Mapping[str, Shape], fractions: Mapping[str, int] | None = None) -> None:
    """Run the shapes named on the command line (all by default), each once small and once measured."""
    wanted = sys.argv[2:] or list(shapes)
    for name in wanted:
        if name not in shapes:
            continue
        units = max(1, SIZES[name] // (fractions or {}).get(name, 1))
        await shapes[name](CROWD if name == "crowd" else 1)
        ready = shapes[name](units)  # what a shape does before it gives an awaitable is not measured
        began, cpu = time.perf_counter(), time.process_time()
        await ready
        wall = time.perf_counter() - began
        line = {"shape": name, "units": units, "wall": wall, "cpu": time.process_time() - cpu}
        print(json.dumps(line), flush=True)


def main(shapes: Mapping[str, Shape], fractions: Mapping[str, int] | None = None) -> None:
    """The whole program of a contestant."""
    asyncio.run(report(shapes, fractions))
