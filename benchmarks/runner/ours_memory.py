"""The runner without a platform: the journal is kept in memory."""

from __future__ import annotations

import asyncio
from typing import Any

from shapes import CROWD, main, url
from workflows import NOTHING, call, document, forked, listed, script

from caseway_runner import Execution, Policy, Ports, Program, Status, compile_workflow, execute

POLICY = Policy(processes=True)


async def run(program: Program) -> None:
    """One execution."""
    outcome = await execute(program, None, Execution("bench"), Ports(policy=POLICY))
    assert outcome.status is Status.COMPLETED, outcome.error


def of(tasks: list[Any]) -> Program:
    """The compiled workflow."""
    return compile_workflow(document("bench", tasks))


async def short(units: int) -> None:
    """Separate executions of one task."""
    program = of(listed(NOTHING, 1))
    for _ in range(units):
        await run(program)


async def crowd(units: int) -> None:
    """Many executions at once."""
    program = of(listed(NOTHING, units // CROWD))
    await asyncio.gather(*[run(program) for _ in range(CROWD)])


async def http(units: int) -> None:
    """Many executions that wait for an answer."""
    program = of(listed(call(url()), 1))
    await asyncio.gather(*[run(program) for _ in range(units)])


if __name__ == "__main__":
    main(
        {
            "sequence": lambda units: run(of(listed(NOTHING, units))),
            "fan-out": lambda units: run(of(forked(NOTHING, units))),
            "short": short,
            "crowd": crowd,
            "http": http,
            "calls": lambda units: run(of(listed(call(url() + "now"), units))),
            "fib(10)": lambda units: run(of(listed(script(10), units))),
            "fib(33)": lambda units: run(of(listed(script(33), units))),
        }
    )
