"""How cost grows: tasks in a row, rounds of a loop, executions (100 to 100,000), and the memory of executions
that wait.

python benchmarks/runner/curves.py
"""

from __future__ import annotations

import asyncio
import resource
import time
from typing import Any

from workflows import NOTHING, document, listed

from caseway_runner import Execution, Limits, Outcome, Policy, Ports, Status, compile_workflow, execute

SIZES = (100, 1_000, 10_000, 100_000)
POLICY = Policy(limits=Limits(activations=1_000_000))
MEGABYTE = 1024  # ru_maxrss is in kilobytes


async def run(program: Any, given: Any = None) -> Outcome:
    """One execution."""
    outcome = await execute(program, given, Execution("bench"), Ports(policy=POLICY))
    assert outcome.status is Status.COMPLETED, outcome.error
    return outcome


async def tasks(size: int) -> float:
    """Seconds for tasks in a row; a document of 100,000 tasks is larger than a repository may hold."""
    program = compile_workflow(document("tasks", listed(NOTHING, size)))
    began = time.process_time()
    await run(program)
    return time.process_time() - began


async def rounds(size: int) -> float:
    """Seconds for rounds of a loop."""
    loop = {"for": {"in": ".items"}, "do": [{"step": {"set": {"items": "${ $workflow.input.n }"}}}]}
    program = compile_workflow(document("rounds", [{"loop": loop}]))
    began = time.process_time()
    await run(program, {"items": list(range(size)), "n": 1})
    return time.process_time() - began


async def executions(size: int) -> float:
    """Seconds for separate executions."""
    program = compile_workflow(document("executions", listed(NOTHING, 1)))
    began = time.process_time()
    for _ in range(size):
        await run(program)
    return time.process_time() - began


async def waiting(count: int) -> float:
    """Peak memory in megabytes while so many executions wait."""
    program = compile_workflow(document("waiting", [{"nap": {"wait": {"seconds": 2}}}]))
    await asyncio.gather(*[run(program) for _ in range(count)])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE


async def main() -> None:
    """Print the table."""
    memory = await waiting(1_000)
    print("| processor µs each | " + " | ".join(f"{size:,}" for size in SIZES) + " |")
    print("| --- |" + " --: |" * len(SIZES))
    for name, curve in (("tasks", tasks), ("rounds", rounds), ("executions", executions)):
        told = [f"{await curve(size) / size * 1e6:.0f}" for size in SIZES]
        print(f"| {name} | " + " | ".join(told) + " |")
    print(f"\n1,000 executions waiting at once in one process: {memory:.0f} MB")


if __name__ == "__main__":
    asyncio.run(main())
